# Filled by the sections below: one careen_unit_test for each folder of src/.
careen_unit_test(formats LINK careen_formats
  SOURCES formats/elf_test.cc formats/ifunc_walk_test.cc formats/patterns_test.cc formats/package_test.cc formats/product_text_test.cc formats/purl_test.cc formats/language_test.cc formats/built_of_test.cc formats/dpkg_test.cc
          formats/apk_test.cc formats/pacman_test.cc formats/os_release_test.cc formats/rpm_header_test.cc
          formats/rpm_ndb_bdb_test.cc formats/rpm_sqlite_test.cc formats/image_uses_test.cc formats/registry_events_test.cc)
target_link_libraries(formats_test PRIVATE SQLite::SQLite3)
careen_unit_test(archive LINK careen_archive
  SOURCES archive/tar_test.cc archive/tar_tool_test.cc archive/cpio_test.cc archive/ar_test.cc archive/stream_test.cc archive/decompress_test.cc archive/zip_test.cc)
target_link_libraries(archive_test PRIVATE PkgConfig::isal)
careen_unit_test(facts LINK careen_facts
  SOURCES facts/file_table_test.cc facts/interest_test.cc facts/image_tree_test.cc facts/collector_test.cc facts/image_facts_test.cc facts/language_facts_test.cc facts/linked_facts_test.cc)
target_link_libraries(facts_test PRIVATE SQLite::SQLite3)
careen_unit_test(base LINK careen_base
  SOURCES base/bytes_test.cc base/result_test.cc base/codec_test.cc base/text_test.cc base/fd_test.cc base/log_test.cc)
careen_unit_test(digest LINK careen_digest SOURCES digest/digest_test.cc)
careen_unit_test(knowledge LINK careen_knowledge
  SOURCES knowledge/version_test.cc knowledge/version_language_test.cc knowledge/cvss_test.cc knowledge/ecosystem_test.cc knowledge/advisory_db_test.cc knowledge/red_hat_test.cc knowledge/match_row_test.cc knowledge/match_test.cc knowledge/match_red_hat_test.cc knowledge/threat_yaml_test.cc knowledge/threat_set_test.cc knowledge/built_in_record_test.cc)
careen_unit_test(feeds LINK careen_feeds SOURCES feeds/feeds_test.cc feeds/vendor_feeds_test.cc feeds/import_test.cc)
target_link_libraries(feeds_test PRIVATE SQLite::SQLite3)
careen_unit_test(policy LINK careen_policy SOURCES policy/verdict_test.cc policy/suppress_test.cc policy/vex_test.cc)
careen_unit_test(store LINK careen_store PkgConfig::pq SOURCES store/cache_test.cc store/squeeze_test.cc store/runs_test.cc store/pieces_test.cc store/migrations_test.cc store/inventory_test.cc store/inventory_faults_test.cc store/inventory_import_test.cc store/database_test.cc store/jobs_test.cc)
careen_unit_test(worker LINK careen_worker SOURCES worker/worker_test.cc)
careen_unit_test(scan LINK careen_scan PkgConfig::pq SOURCES scan/base_test.cc scan/recent_layers_test.cc scan/scan_test.cc scan/judged_test.cc)
careen_unit_test(fleet LINK careen_fleet
  SOURCES fleet/targets_test.cc fleet/indexer_test.cc fleet/question_test.cc fleet/hunt_test.cc fleet/conditions_test.cc fleet/lineage_test.cc fleet/exposure_test.cc fleet/reading_test.cc fleet/renew_test.cc fleet/admission_test.cc fleet/follow_test.cc fleet/diff_test.cc)
target_link_libraries(fleet_test PRIVATE SQLite::SQLite3 PkgConfig::pq)
careen_unit_test(report LINK careen_report SOURCES report/report_test.cc)
careen_unit_test(detect LINK careen_detect
  SOURCES detect/shell_test.cc detect/startup_test.cc detect/loader_test.cc detect/reach_test.cc detect/detect_test.cc detect/structure_test.cc detect/unowned_test.cc detect/finding_test.cc detect/never_dormant_test.cc detect/linker_check_test.cc detect/vulnerability_test.cc)
careen_unit_test(net LINK careen_net SOURCES net/pace_test.cc net/http_server_test.cc)
careen_unit_test(oci LINK careen_oci SOURCES oci/reference_test.cc oci/manifest_test.cc)
careen_unit_test(source LINK careen_source
  SOURCES source/blob_tree_test.cc source/oci_layout_test.cc source/docker_archive_test.cc source/rootfs_test.cc source/resolve_test.cc
          source/credentials_test.cc source/registry_catalog_test.cc)

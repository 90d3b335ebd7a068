# The end-to-end tests, each one entry; each is skipped with its reason when a tool that it needs is missing.
function(careen_script_test name file)
  add_test(NAME ${name} COMMAND /usr/bin/python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_tests_properties(${name} PROPERTIES LABELS e2e TIMEOUT 900 ENVIRONMENT "CAREEN=$<TARGET_FILE:careen>;PYTHONDONTWRITEBYTECODE=1")
endfunction()

foreach(t standin_selfcheck structure population)
  careen_script_test(standin.${t} standin/${t}_test.py)
endforeach()
foreach(t oracle pkgdb layers integrity corrupt)
  careen_script_test(pkgdb.${t} pkgdb/${t}_test.py)
endforeach()
add_subdirectory(hostile)
foreach(t registry registry_faults forms rootfs umoci_oracle dpkg_oracle xz_story report cache cache_poison
          fleet fleet_hunt fleet_exposure fleet_lineage fleet_history fleet_current fleet_oracle fleet_faults fleet_endurance catalog postgres workers
          advisories advisories_faults advisories_scan advisories_vendors advisories_red_hat advisories_suppress advisories_reports advisories_fleet advisories_oracle html ci_files self)
  careen_script_test(e2e.${t} e2e/${t}_test.py)
endforeach()
# Heavy ones run alone, so that their limits on memory mean something.
set_tests_properties(e2e.dpkg_oracle PROPERTIES RUN_SERIAL TRUE)

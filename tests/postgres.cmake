# The tests of what is kept, once more on PostgreSQL: one server for all of them, which ctest starts and ends. Where PostgreSQL is
# not installed they are skipped.
set(postgres_address ${CMAKE_CURRENT_BINARY_DIR}/postgres.address)
set(postgres_tool /usr/bin/python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/support/postgres.py)
add_test(NAME postgres.start COMMAND ${postgres_tool} start ${postgres_address})
add_test(NAME postgres.stop COMMAND ${postgres_tool} stop ${postgres_address})
set_tests_properties(postgres.start PROPERTIES FIXTURES_SETUP postgres SKIP_RETURN_CODE 77 LABELS unit)
set_tests_properties(postgres.stop PROPERTIES FIXTURES_CLEANUP postgres SKIP_RETURN_CODE 77 LABELS unit)

function(careen_postgres_test folder filter)
  add_test(NAME postgres.${folder} COMMAND ${folder}_test --gtest_filter=${filter})
  set_tests_properties(postgres.${folder} PROPERTIES FIXTURES_REQUIRED postgres LABELS unit TIMEOUT 600
    ENVIRONMENT "CAREEN_TEST_POSTGRES=${postgres_address}")
endfunction()
careen_postgres_test(store InventoryTest.*:SeveralAtOnce.*:ImportTest.*:DatabaseTest.*:JobsTest.*)
careen_postgres_test(fleet *)

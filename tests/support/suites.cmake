# Writes the tests that ctest runs: one for each test suite of PROGRAM, named PREFIX.SUITE, into FILE. A process for each test
# would spend most of its time on starting. A suite in which a test was skipped, and none failed, counts
# as skipped: ctest would take a match for more than a failure, and failed tests are listed after the skipped ones.
# Ten callers of an allocation are enough to find it: the deeper stacks of the default take a fifth of the time.
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)[A-Za-z0-9_/]+\\." suites "${listing}")
if(NOT suites)
  message(FATAL_ERROR "${PROGRAM} has no tests")
endif()
get_filename_component(folder ${FILE} DIRECTORY)
set(text "")
foreach(suite ${suites})
  string(REGEX REPLACE "^\n|\\.$" "" suite "${suite}")
  string(APPEND text "add_test([=[${PREFIX}.${suite}]=] [=[${PROGRAM}]=] [=[--gtest_filter=${suite}.*]=])\n"
    "set_tests_properties([=[${PREFIX}.${suite}]=] PROPERTIES LABELS unit ENVIRONMENT ASAN_OPTIONS=malloc_context_size=10 WORKING_DIRECTORY [=[${folder}]=] SKIP_REGULAR_EXPRESSION [=[listed below:\n([[]  SKIPPED []][^\n]*\n)+$]=])\n")
endforeach()
file(WRITE ${FILE} "${text}")

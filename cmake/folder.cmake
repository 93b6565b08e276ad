# binbus_folder(NAME [USES folder...] [LINKS target...])
#
# Makes the folder's one static library binbus_NAME of its *.cc files, and of its *_test.cc files (with those ending in
# _testing.cc, test helpers) one test program NAME_test. A file *_fuzz.cc is a libFuzzer target of its own, and its corpus
# is tests/fuzz/corpus/<target>. Files are found by pattern: a new one needs no line here.
function(binbus_folder name)
  cmake_parse_arguments(ARG "" "" "USES;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_(test|testing)\\.cc$")
  set(fuzzers ${sources})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|testing|fuzz)\\.cc$|/main\\.cc$")
  list(TRANSFORM ARG_USES PREPEND binbus_)

  if(sources)
    add_library(binbus_${name} STATIC ${sources})
    target_link_libraries(binbus_${name} PUBLIC ${ARG_USES} PRIVATE ${ARG_LINKS} Threads::Threads)
  else()
    add_library(binbus_${name} INTERFACE)
    target_link_libraries(binbus_${name} INTERFACE ${ARG_USES} ${ARG_LINKS})
  endif()

  if(BINBUS_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test binbus_${name} ${ARG_LINKS} GTest::gtest_main GTest::gmock)
    include(GoogleTest)
    gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endif()

  if(BINBUS_FUZZ)
    foreach(file ${fuzzers})
      get_filename_component(target ${file} NAME_WE)
      add_executable(${target} ${file})
      target_link_libraries(${target} binbus_${name} ${ARG_LINKS})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()

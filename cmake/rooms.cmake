# fairlead_room(NAME SOURCES … [PUBLIC …] [PRIVATE …] [ASIO])
#   One static library a room: target fairlead_NAME, alias fairlead::NAME. PUBLIC and PRIVATE name what it links; ASIO says
#   that most of its files include Boost.Asio, so that they share one precompiled header.
# fairlead_tests(NAME SOURCES … [LINKS …] [ASIO])
#   One GoogleTest program a room, NAME_tests, whose cases ctest knows one by one.

add_library(fairlead_asio_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/asio_pch.cc)
target_link_libraries(fairlead_asio_pch PRIVATE fairlead_flags Boost::headers Threads::Threads)
target_precompile_headers(fairlead_asio_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/asio_pch.h)

function(fairlead_room name)
  cmake_parse_arguments(room "ASIO" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(fairlead_${name} STATIC ${room_SOURCES})
  add_library(fairlead::${name} ALIAS fairlead_${name})
  target_link_libraries(fairlead_${name} PUBLIC fairlead_flags ${room_PUBLIC} PRIVATE ${room_PRIVATE})
  if(room_ASIO)
    target_link_libraries(fairlead_${name} PUBLIC Boost::headers Threads::Threads)
    target_precompile_headers(fairlead_${name} REUSE_FROM fairlead_asio_pch)
  endif()
endfunction()

function(fairlead_tests name)
  if(NOT FAIRLEAD_TESTS)
    return()
  endif()
  cmake_parse_arguments(tests "ASIO" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name}_tests ${tests_SOURCES})
  target_compile_options(${name}_tests PRIVATE $<$<CONFIG:Release>:-O1>)  # what they test has -O2
  target_link_libraries(${name}_tests PRIVATE fairlead::${name} ${tests_LINKS} GTest::gmock_main)
  target_compile_definitions(${name}_tests PRIVATE FAIRLEAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(tests_ASIO)
    target_precompile_headers(${name}_tests REUSE_FROM fairlead_asio_pch)
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name}_tests TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
endfunction()

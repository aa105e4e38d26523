# fairlead_room(NAME SOURCES … [PUBLIC …] [PRIVATE …] [ASIO] [UNITY])
#   One static library a room: target fairlead_NAME, alias fairlead::NAME. PUBLIC and PRIVATE name what it links; ASIO says
#   that most of its files include Boost.Asio, so that they share one precompiled header. UNITY says that its files are
#   compiled eight at once (but in the preset `dev`), which takes a third of the time: names in its anonymous namespaces
#   are then unique in the room.
# fairlead_tests(NAME SOURCES … [LINKS …] [ASIO] [UNITY])
#   One GoogleTest program a room, NAME_tests, whose cases ctest knows one by one.

option(FAIRLEAD_UNITY "compile rooms that allow it several files at once" ON)

function(fairlead_unity target)
  if(FAIRLEAD_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)  # files in a batch look to GCC like headers
  endif()
endfunction()

add_library(fairlead_asio_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/asio_pch.cc)
target_link_libraries(fairlead_asio_pch PRIVATE fairlead_flags Boost::headers Threads::Threads)
target_precompile_headers(fairlead_asio_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/asio_pch.h)

function(fairlead_room name)
  cmake_parse_arguments(room "ASIO;UNITY" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(fairlead_${name} STATIC ${room_SOURCES})
  add_library(fairlead::${name} ALIAS fairlead_${name})
  target_link_libraries(fairlead_${name} PUBLIC fairlead_flags ${room_PUBLIC} PRIVATE ${room_PRIVATE})
  if(room_ASIO)
    target_link_libraries(fairlead_${name} PUBLIC Boost::headers Threads::Threads)
    target_precompile_headers(fairlead_${name} REUSE_FROM fairlead_asio_pch)
  endif()
  if(room_UNITY)
    fairlead_unity(fairlead_${name})
  endif()
endfunction()

function(fairlead_tests name)
  if(NOT FAIRLEAD_TESTS)
    return()
  endif()
  cmake_parse_arguments(tests "ASIO;UNITY" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name}_tests ${tests_SOURCES})
  target_compile_options(${name}_tests PRIVATE $<$<CONFIG:Release>:-O1>)  # what they test has -O2
  target_link_libraries(${name}_tests PRIVATE fairlead::${name} ${tests_LINKS} GTest::gmock_main)
  target_compile_definitions(${name}_tests PRIVATE FAIRLEAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(tests_ASIO)
    target_precompile_headers(${name}_tests REUSE_FROM fairlead_asio_pch)
  endif()
  if(tests_UNITY)
    fairlead_unity(${name}_tests)
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name}_tests TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
endfunction()

# How every target of the project is compiled. Sanitizers and optimisation come from the preset.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(FAIRLEAD_SANITIZE "" CACHE STRING "address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

add_library(fairlead_flags INTERFACE)
target_include_directories(fairlead_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(fairlead_flags INTERFACE -Wall -Wextra $<$<CONFIG:Debug>:-Werror> -Wnon-virtual-dtor -fno-plt -fpch-preprocess
  -Wno-missing-field-initializers -Wno-interference-size)
# At -O2 GCC 12 sees faults in std::string and std::variant that are not there (GCC bugs 105329, 105651); such builds are people's own.
target_compile_options(fairlead_flags INTERFACE
  $<$<CONFIG:Release>:-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-maybe-uninitialized -Wno-mismatched-new-delete
    -Wno-unused-function>)
target_compile_definitions(fairlead_flags INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
if(FAIRLEAD_SANITIZE)
  # The checks that are put in, at -O1, make GCC see faults that are not there, as at -O2 above.
  target_compile_options(fairlead_flags INTERFACE -fsanitize=${FAIRLEAD_SANITIZE} -fno-omit-frame-pointer -Wno-error
    -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
  target_link_options(fairlead_flags INTERFACE -fsanitize=${FAIRLEAD_SANITIZE})
endif()
if(FAIRLEAD_SANITIZE MATCHES thread)
  # GCC warns that fences are not modelled; Asio and the standard library use a few, none of which a finding has hung on.
  target_compile_options(fairlead_flags INTERFACE -Wno-tsan)
endif()

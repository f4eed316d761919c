# retailsync_layer(<name> SOURCES <files...> [ALONE <files...>] [USES <layers...>] [PUBLIC <targets...>]
#                  [PRIVATE <targets...>])
#
# Declares one layer: the target retailsync_<name>, its alias retailsync::<name>, its public headers under
# include/retailsync/<name>, and what it is built on. A layer without sources is header-only.
#
# With CMAKE_UNITY_BUILD several sources are compiled as one. ALONE names the sources that cannot be, as
# they are generated or use a name in their unnamed namespace that another one uses too.
set_property(GLOBAL PROPERTY RETAILSYNC_LAYERS "")

function(retailsync_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;ALONE;USES;PUBLIC;PRIVATE" ${ARGN})
  set(target retailsync_${name})
  if(ARG_SOURCES)
    add_library(${target} ${ARG_SOURCES})
    set(scope PUBLIC)
    # Options are plain structs of which one names only the fields that matter: a field left out has
    # its default, and is no mistake.
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                           -Wno-sign-conversion -Wno-missing-field-initializers)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # GCC 12 takes std::string's own copying for an overlap (its bug 105651).
      target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
    if(RETAILSYNC_WERROR)
      target_compile_options(${target} PRIVATE -Werror)
    endif()
    if(ARG_ALONE)
      set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
    if(RETAILSYNC_COVERAGE)
      target_compile_options(${target} PRIVATE -fprofile-instr-generate -fcoverage-mapping)
      target_link_options(${target} PUBLIC -fprofile-instr-generate)
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(retailsync::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_include_directories(${target} ${scope}
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:include>")
  if(ARG_SOURCES)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  endif()
  list(TRANSFORM ARG_USES PREPEND retailsync::)
  target_link_libraries(${target} ${scope} ${ARG_USES} ${ARG_PUBLIC})
  if(ARG_PRIVATE)
    target_link_libraries(${target} PRIVATE ${ARG_PRIVATE})
  endif()
  set_property(GLOBAL APPEND PROPERTY RETAILSYNC_LAYERS ${name})
endfunction()

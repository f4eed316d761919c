# retailsync::retailsync, and what a host finds when it looks for an installed retailsync: a CMake
# package whose components are the layers, and retailsync.pc. Both are derived from the targets, so
# a layer is installed by being declared.
get_property(layers GLOBAL PROPERTY RETAILSYNC_LAYERS)
add_library(retailsync_all INTERFACE)
add_library(retailsync::retailsync ALIAS retailsync_all)
set_target_properties(retailsync_all PROPERTIES EXPORT_NAME retailsync)
list(TRANSFORM layers PREPEND retailsync:: OUTPUT_VARIABLE layer_targets)
target_link_libraries(retailsync_all INTERFACE ${layer_targets})

if(NOT RETAILSYNC_INSTALL)
  return()
endif()

if(RETAILSYNC_MUTATIONS)
  install(CODE "message(FATAL_ERROR \"This build's engine can be broken on purpose (RETAILSYNC_MUTATIONS): it is never installed\")")
  return()
endif()

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The CMake package and the pkg-config module that a linked target comes from; of a package without
# a module, the flag that stands for it.
function(retailsync_origin_of target package_variable module_variable flag_variable)
  set(module "")
  set(flag "")
  if(target MATCHES "^absl::(.+)$")
    set(package absl)
    set(module absl_${CMAKE_MATCH_1})
  elseif(target STREQUAL "fmt::fmt")
    set(package fmt)
    set(module fmt)
  elseif(target STREQUAL "protobuf::libprotobuf")
    set(package Protobuf)
    set(module protobuf)
  elseif(target STREQUAL "OpenSSL::Crypto")
    set(package OpenSSL)
    set(module libcrypto)
  elseif(target STREQUAL "SQLite::SQLite3")
    set(package SQLite3)
    set(module sqlite3)
  elseif(target STREQUAL "libdeflate::libdeflate")
    set(package libdeflate)
    set(module libdeflate)
  elseif(target STREQUAL "Threads::Threads")
    set(package Threads)
    set(flag -pthread)
  else()
    message(FATAL_ERROR "cmake/RetailsyncInstall.cmake does not say how a host finds ${target}")
  endif()
  set(${package_variable} ${package} PARENT_SCOPE)
  set(${module_variable} "${module}" PARENT_SCOPE)
  set(${flag_variable} "${flag}" PARENT_SCOPE)
endfunction()

# What each layer uses (for the package configuration), and what all of them need together.
set(layer_table "")
set(pc_libs "")
set(pc_requires "")
set(pc_requires_private "")
set(pc_flags "")
foreach(layer IN LISTS layers)
  set(target retailsync_${layer})
  get_target_property(type ${target} TYPE)
  get_target_property(public ${target} INTERFACE_LINK_LIBRARIES)
  set(linked ${public})
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    get_target_property(linked ${target} LINK_LIBRARIES)
    list(PREPEND pc_libs -l${target})
  endif()
  set(uses "")
  set(packages "")
  foreach(item IN LISTS linked)
    if(item MATCHES "^retailsync::(.+)$")
      list(APPEND uses ${CMAKE_MATCH_1})
    elseif(item)
      retailsync_origin_of(${item} package module flag)
      # A static library leaves to whoever links it even what it uses privately.
      list(APPEND packages ${package})
      list(APPEND pc_flags ${flag})
      if(item IN_LIST public OR type STREQUAL "STATIC_LIBRARY")
        list(APPEND pc_requires ${module})
      else()
        list(APPEND pc_requires_private ${module})
      endif()
    endif()
  endforeach()
  list(REMOVE_DUPLICATES packages)
  string(APPEND layer_table "set(_retailsync_uses_${layer} ${uses})\n"
                            "set(_retailsync_packages_${layer} ${packages})\n")

  install(TARGETS ${target} EXPORT retailsync-${layer}
          ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(EXPORT retailsync-${layer} NAMESPACE retailsync:: FILE retailsync-${layer}-targets.cmake
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retailsync")
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/retailsync/${layer}"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/retailsync"
          FILES_MATCHING PATTERN "*.h" PATTERN "*.proto")
endforeach()

get_property(generated_root GLOBAL PROPERTY RETAILSYNC_GENERATED_ROOT)
install(DIRECTORY "${generated_root}/retailsync" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.pb.h")

install(TARGETS retailsync_all EXPORT retailsync-all)
install(EXPORT retailsync-all NAMESPACE retailsync:: FILE retailsync-all-targets.cmake
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retailsync")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/retailsync-config.cmake.in"
  "${PROJECT_BINARY_DIR}/retailsync-config.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retailsync"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/retailsync-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/retailsync-config.cmake"
              "${PROJECT_BINARY_DIR}/retailsync-config-version.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/Findlibdeflate.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retailsync")

# The paths in retailsync.pc are relative to the file itself, so the prefix may be moved.
file(RELATIVE_PATH pc_to_prefix "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
set(pc_prefix "\${pcfiledir}/${pc_to_prefix}")
list(REMOVE_DUPLICATES pc_requires)
list(REMOVE_DUPLICATES pc_requires_private)
list(REMOVE_DUPLICATES pc_flags)
list(JOIN pc_libs " " pc_libs)
list(JOIN pc_flags " " pc_flags)
list(JOIN pc_requires ", " pc_requires)
list(JOIN pc_requires_private ", " pc_requires_private)
configure_file("${PROJECT_SOURCE_DIR}/cmake/retailsync.pc.in" "${PROJECT_BINARY_DIR}/retailsync.pc"
               @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/retailsync.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

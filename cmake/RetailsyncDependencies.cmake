# Everything retailsync is built on. The Debian packages that provide it are listed in cmake/packages.txt.
find_package(Threads REQUIRED)
find_package(absl REQUIRED CONFIG)
find_package(Protobuf CONFIG QUIET)
if(NOT Protobuf_FOUND)
  find_package(Protobuf REQUIRED)  # Debian 12's package carries no CMake configuration of its own
endif()
find_package(fmt REQUIRED CONFIG)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(SQLite3 REQUIRED)
find_package(libdeflate REQUIRED)

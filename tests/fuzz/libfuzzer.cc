// Where libFuzzer comes in.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>

#include "fuzz/target.h"

// Each input that cannot be parsed would be a line.
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  retailsync::fuzz::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}

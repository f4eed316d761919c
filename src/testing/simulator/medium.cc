#include "testing/simulator/medium.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "retailsync/store/memory_store.h"
#include "retailsync/store/sqlite_store.h"

namespace retailsync::testing {

Medium::Medium(const SimulationOptions& options)
    : kind_(options.store), wrapper_(options.store_wrapper) {}

Medium::~Medium() {
  unreliable_.reset();
  wrapped_.reset();
  store_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

absl::Status Medium::Open() {
  if (kind_ == SimulatedStore::kMemory) {
    if (store_ == nullptr) store_ = store::OpenMemory();
    if (absl::Status status = store_->Recover(); !status.ok()) return status;
  } else {
    if (folder_.empty()) {
      std::string pattern = (std::filesystem::temp_directory_path() / "retailsync-XXXXXX").string();
      if (mkdtemp(pattern.data()) == nullptr) {
        return absl::InternalError("no temporary folder: " + pattern);
      }
      folder_ = pattern;
    }
    wrapped_.reset();
    store_.reset();
    // Few, so that rows are sorted in while the simulation runs.
    auto opened = store::OpenSqlite(folder_ + "/sync.db", {.recent_rows = 64});
    if (!opened.ok()) return opened.status();
    store_ = *std::move(opened);
  }
  Store* top = store_.get();
  if (wrapper_) {
    wrapped_ = wrapper_(top);
    if (wrapped_ == nullptr) return absl::FailedPreconditionError("store_wrapper gave nothing");
    top = wrapped_.get();
  }
  if (unreliable_ == nullptr) {
    unreliable_ = std::make_unique<UnreliableStore>(top);
  } else {
    unreliable_->Reopen(top);
  }
  return absl::OkStatus();
}

}  // namespace retailsync::testing

#include "crash/disk_vfs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "crash/chance.h"

namespace retailsync::crash {
namespace {

constexpr int kSectorSize = 4096;  // what SQLite's own file system says
constexpr int kPathMax = 512;

int CodeOf(int error, int otherwise) {
  return error == 0 ? SQLITE_OK : error == ENOSPC ? SQLITE_FULL : otherwise;
}

}  // namespace

// What the connections that have a file open share: its memory and its locks. Gone with the last.
struct DiskVfs::Sharing {
  struct Lock {
    int shared = 0;
    bool exclusive = false;
  };

  std::vector<std::unique_ptr<char[]>> memory;
  std::array<Lock, SQLITE_SHM_NLOCK> locks;
  // Syncs that failed. Whoever had the file open then is told once, by its next sync, as Linux
  // does.
  int failed_syncs = 0;
  // Of the file itself: how many have it shared, and who has more than that.
  int readers = 0;
  const Handle* writer = nullptr;
};

// SQLite allocates the memory of a file; everything in here must be built and destroyed in it.
struct DiskVfs::Handle {
  sqlite3_file base;
  DiskVfs* owner;
  std::shared_ptr<Disk::File> file;
  std::shared_ptr<Sharing> sharing;
  int level;  // of its lock on the file
  bool syncs_directory;
  bool deleted_on_close;
  bool sync_failed;
  int failed_syncs;  // that it knows of

  static Handle* Of(sqlite3_file* file) { return reinterpret_cast<Handle*>(file); }
};

struct DiskVfs::Calls {
  static DiskVfs* Of(sqlite3_vfs* vfs) { return static_cast<DiskVfs*>(vfs->pAppData); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    DiskVfs* self = Of(vfs);
    auto* handle = new (file) Handle();
    handle->owner = self;
    constexpr int kSyncsDirectory =
        SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    const bool create = (flags & SQLITE_OPEN_CREATE) != 0;
    handle->syncs_directory = create && (flags & kSyncsDirectory) != 0;
    handle->deleted_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0 && name != nullptr;
    int error = 0;
    handle->file =
        name == nullptr ? Disk::OpenTemporary() : self->disk_->Open(name, create, &error);
    if (handle->file == nullptr) {
      self->last_errno_ = error == 0 ? ENOENT : error;
      handle->~Handle();
      file->pMethods = nullptr;
      return CodeOf(error, SQLITE_CANTOPEN) == SQLITE_FULL ? SQLITE_FULL : SQLITE_CANTOPEN;
    }
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0) self->path_ = name;
    std::weak_ptr<Sharing>& sharing = self->sharings_[handle->file.get()];
    handle->sharing = sharing.lock();
    if (handle->sharing == nullptr) {
      handle->sharing = std::make_shared<Sharing>();
      sharing = handle->sharing;
    }
    handle->failed_syncs = handle->sharing->failed_syncs;
    static const sqlite3_io_methods kMethods = Methods();
    handle->base.pMethods = &kMethods;
    ++self->open_files_;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }

  static int Close(sqlite3_file* file) {
    Handle* handle = Handle::Of(file);
    DiskVfs* owner = handle->owner;
    if (handle->deleted_on_close) owner->disk_->Delete(handle->file->name);
    --owner->open_files_;
    Unlock(file, SQLITE_LOCK_NONE);
    if (handle->sharing.use_count() == 1) owner->sharings_.erase(handle->file.get());
    handle->~Handle();
    return SQLITE_OK;
  }

  // Like SQLite's own: one writer beside readers, and none beside it when it has all of the file.
  static int Lock(sqlite3_file* file, int level) {
    Handle* handle = Handle::Of(file);
    Sharing& sharing = *handle->sharing;
    if (handle->level >= level) return SQLITE_OK;
    const bool others_write = sharing.writer != nullptr && sharing.writer != handle;
    if (level == SQLITE_LOCK_SHARED) {
      if (others_write && sharing.writer->level > SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
      ++sharing.readers;
    } else {
      if (others_write || (level == SQLITE_LOCK_EXCLUSIVE && sharing.readers > 1)) {
        return SQLITE_BUSY;
      }
      sharing.writer = handle;
    }
    handle->level = level;
    return SQLITE_OK;
  }

  static int Unlock(sqlite3_file* file, int level) {
    Handle* handle = Handle::Of(file);
    Sharing& sharing = *handle->sharing;
    if (handle->level <= level) return SQLITE_OK;
    if (sharing.writer == handle) sharing.writer = nullptr;
    if (level == SQLITE_LOCK_NONE) --sharing.readers;
    handle->level = level;
    return SQLITE_OK;
  }

  static int CheckReservedLock(sqlite3_file* file, int* held) {
    *held = Handle::Of(file)->sharing->writer != nullptr ? 1 : 0;
    return SQLITE_OK;
  }

  // Who unlocks says how it had locked.
  static int ShmLock(sqlite3_file* file, int first, int count, int flags) {
    auto& locks = Handle::Of(file)->sharing->locks;
    const bool is_exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    const bool locks_now = (flags & SQLITE_SHM_LOCK) != 0;
    for (int i = first; i < first + count && locks_now; ++i) {
      const Sharing::Lock& lock = locks[static_cast<size_t>(i)];
      if (lock.exclusive || (is_exclusive && lock.shared > 0)) return SQLITE_BUSY;
    }
    for (int i = first; i < first + count; ++i) {
      Sharing::Lock& lock = locks[static_cast<size_t>(i)];
      if (is_exclusive) {
        lock.exclusive = locks_now;
      } else {
        lock.shared += locks_now ? 1 : -1;
      }
    }
    return SQLITE_OK;
  }

  static int Read(sqlite3_file* file, void* data, int size, sqlite3_int64 at) {
    const std::string& bytes = Handle::Of(file)->file->bytes;
    const auto begin = std::min(static_cast<size_t>(at), bytes.size());
    const auto wanted = static_cast<size_t>(size);
    const size_t there = std::min(wanted, bytes.size() - begin);
    std::memcpy(data, bytes.data() + begin, there);
    if (there == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(data) + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
    Handle* handle = Handle::Of(file);
    const int error = handle->owner->disk_->Write(
        *handle->file, at, {static_cast<const char*>(data), static_cast<size_t>(size)});
    if (error != 0) handle->owner->last_errno_ = error;
    return CodeOf(error, SQLITE_IOERR_WRITE);
  }

  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    Handle* handle = Handle::Of(file);
    const int error = handle->owner->disk_->Truncate(*handle->file, size);
    if (error != 0) handle->owner->last_errno_ = error;
    return error == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
  }

  static int Sync(sqlite3_file* file, int /*flags*/) {
    Handle* handle = Handle::Of(file);
    // Before there is a log SQLite itself rolls a new, empty database back like that.
    const bool has_log = handle->owner->disk_->Exists(handle->owner->path_ + "-wal");
    handle->owner->synced_after_failure_ += handle->sync_failed && has_log ? 1 : 0;
    if (handle->owner->ignores_syncs_) return SQLITE_OK;
    const int error = handle->owner->disk_->Sync(*handle->file);
    if (error != 0) {
      handle->owner->last_errno_ = error;
      ++handle->sharing->failed_syncs;
    }
    if (handle->failed_syncs != handle->sharing->failed_syncs) {
      handle->failed_syncs = handle->sharing->failed_syncs;
      handle->sync_failed = true;
      return SQLITE_IOERR_FSYNC;
    }
    if (!handle->syncs_directory) return SQLITE_OK;
    handle->syncs_directory = false;
    // SQLite's own does not look whether this works either.
    static_cast<void>(handle->owner->disk_->SyncDirectory());
    return SQLITE_OK;
  }

  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>(Handle::Of(file)->file->bytes.size());
    return SQLITE_OK;
  }

  static int FileControl(sqlite3_file* file, int operation, void* argument) {
    if (operation != SQLITE_FCNTL_LAST_ERRNO) return SQLITE_NOTFOUND;
    *static_cast<int*>(argument) = Handle::Of(file)->owner->last_errno_;
    return SQLITE_OK;
  }

  static int ShmMap(sqlite3_file* file, int region, int size, int /*extend*/,
                    void volatile** data) {
    auto& memory = Handle::Of(file)->sharing->memory;
    while (memory.size() <= static_cast<size_t>(region)) {
      memory.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
    }
    *data = memory[static_cast<size_t>(region)].get();
    return SQLITE_OK;
  }

  static sqlite3_io_methods Methods() {
    sqlite3_io_methods methods{};
    methods.iVersion = 2;
    methods.xClose = &Close;
    methods.xRead = &Read;
    methods.xWrite = &Write;
    methods.xTruncate = &Truncate;
    methods.xSync = &Sync;
    methods.xFileSize = &FileSize;
    methods.xLock = &Lock;
    methods.xUnlock = &Unlock;
    methods.xCheckReservedLock = &CheckReservedLock;
    methods.xFileControl = &FileControl;
    methods.xSectorSize = [](sqlite3_file*) { return kSectorSize; };
    methods.xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
    methods.xShmMap = &ShmMap;
    methods.xShmLock = &ShmLock;
    methods.xShmBarrier = [](sqlite3_file*) {};
    methods.xShmUnmap = [](sqlite3_file*, int) { return SQLITE_OK; };
    return methods;
  }

  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    DiskVfs* self = Of(vfs);
    if (!self->disk_->Exists(name)) return SQLITE_IOERR_DELETE_NOENT;
    int error = self->disk_->Delete(name);
    if (error == 0 && sync_directory != 0 && !self->ignores_syncs_) {
      error = self->disk_->SyncDirectory();
      if (error != 0) self->last_errno_ = error;
      return error == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
    }
    if (error != 0) self->last_errno_ = error;
    return error == 0 ? SQLITE_OK : SQLITE_IOERR_DELETE;
  }

  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
    const Disk& disk = *Of(vfs)->disk_;
    *result = disk.Exists(name) ? 1 : 0;
    // An empty log or journal counts as none, as with SQLite's own.
    if (flags == SQLITE_ACCESS_EXISTS && *result != 0) *result = disk.IsEmpty(name) ? 0 : 1;
    return SQLITE_OK;
  }

  static int FullPathname(sqlite3_vfs*, const char* name, int size, char* full) {
    sqlite3_snprintf(size, full, "%s", name);
    return SQLITE_OK;
  }

  static int Randomness(sqlite3_vfs* vfs, int size, char* data) {
    Chance chance(++Of(vfs)->seed_);
    for (int i = 0; i < size; ++i) data[i] = static_cast<char>(chance.Next());
    return size;
  }
};

DiskVfs::DiskVfs() : base_(sqlite3_vfs_find(nullptr)), vfs_(*base_) {
  vfs_.zName = "retailsync-crash-disk";
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(Handle));
  vfs_.mxPathname = kPathMax;
  vfs_.xOpen = &Calls::Open;
  vfs_.xDelete = &Calls::Delete;
  vfs_.xAccess = &Calls::Access;
  vfs_.xFullPathname = &Calls::FullPathname;
  vfs_.xRandomness = &Calls::Randomness;
  vfs_.xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };
  vfs_.xGetLastError = [](sqlite3_vfs* vfs, int, char*) { return Calls::Of(vfs)->last_errno_; };
  sqlite3_vfs_register(&vfs_, 1);
}

DiskVfs::~DiskVfs() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(base_, 1);
}

void DiskVfs::Mount(Disk* disk, uint64_t seed) {
  disk_ = disk;
  path_.clear();
  seed_ = seed;
  last_errno_ = 0;
  synced_after_failure_ = 0;
  sqlite3_randomness(0, nullptr);
}

namespace {

sqlite3* last_connection = nullptr;

int RememberConnection(sqlite3* connection, char** /*message*/, const sqlite3_api_routines*) {
  const char* file = sqlite3_db_filename(connection, "main");
  if (file != nullptr && *file != '\0') last_connection = connection;
  return SQLITE_OK;
}

void (*const kEntryPoint)() = reinterpret_cast<void (*)()>(&RememberConnection);

}  // namespace

ConnectionTap::ConnectionTap() {
  last_connection = nullptr;
  sqlite3_auto_extension(kEntryPoint);
}

ConnectionTap::~ConnectionTap() {
  sqlite3_cancel_auto_extension(kEntryPoint);
}

sqlite3* ConnectionTap::last() const {
  return last_connection;
}

}  // namespace retailsync::crash

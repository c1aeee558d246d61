// For tests: the file system as SQLite sees it (a VFS), told to fail. Everything goes to the
// system's own VFS until the chosen write; that one and all after it fail until heal().
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>

namespace mw::testing {

class FaultVfs {
 public:
  static constexpr const char* kName = "mw-fault";

  FaultVfs() {
    base() = sqlite3_vfs_find(nullptr);
    vfs_ = *base();
    vfs_.zName = kName;
    vfs_.pNext = nullptr;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 0);
    heal();
  }
  ~FaultVfs() { sqlite3_vfs_unregister(&vfs_); }
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  /// Lets `writes` more writes, syncs and truncations through, then answers `code`.
  void fail_after(int writes, int code) {
    FaultVfs::code() = code;
    failed() = 0;
    left() = writes;
  }
  void heal() { left() = -1; }
  /// How many operations were refused since fail_after().
  [[nodiscard]] int refused() const { return failed(); }

 private:
  /// The methods of an open file, ours first and the system's behind them.
  struct Methods {
    sqlite3_io_methods ours;
    const sqlite3_io_methods* original;
  };
  static sqlite3_vfs*& base() {
    static sqlite3_vfs* vfs = nullptr;
    return vfs;
  }
  static std::atomic<int>& left() {
    static std::atomic<int> value = -1;
    return value;
  }
  static std::atomic<int>& failed() {
    static std::atomic<int> value = 0;
    return value;
  }
  static std::atomic<int>& code() {
    static std::atomic<int> value = SQLITE_OK;
    return value;
  }

  /// SQLITE_OK when the operation may go on.
  static int admit() {
    if (left() < 0) return SQLITE_OK;
    if (left() > 0) {
      --left();
      return SQLITE_OK;
    }
    ++failed();
    return code();
  }
  static const sqlite3_io_methods* original(sqlite3_file* file) {
    return reinterpret_cast<const Methods*>(file->pMethods)->original;
  }
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    const int result = base()->xOpen(base(), name, file, flags, flags_out);
    if (result == SQLITE_OK) file->pMethods = &wrapped(file->pMethods)->ours;
    return result;
  }
  static const Methods* wrapped(const sqlite3_io_methods* methods) {
    static std::mutex mutex;
    static std::map<const sqlite3_io_methods*, Methods> known;
    const std::lock_guard lock(mutex);
    const auto [it, fresh] = known.try_emplace(methods, Methods{*methods, methods});
    if (fresh) {
      it->second.ours.xWrite = write;
      it->second.ours.xTruncate = truncate;
      it->second.ours.xSync = sync;
    }
    return &it->second;
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const int refused = admit();
    return refused != SQLITE_OK ? refused : original(file)->xWrite(file, data, size, offset);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    const int refused = admit();
    return refused != SQLITE_OK ? refused : original(file)->xTruncate(file, size);
  }
  static int sync(sqlite3_file* file, int flags) {
    const int refused = admit();
    return refused != SQLITE_OK ? refused : original(file)->xSync(file, flags);
  }

  sqlite3_vfs vfs_ = {};
};

}  // namespace mw::testing

// The one connection that writes. Appends and pieces of snapshots take turns on it, in the order
// in which they came, so an append waits for one piece at most.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "core/state.h"
#include "journal/sqlite/connection.h"
#include "loop/journal.h"

namespace mw::sqlite {

/// Lets callers through one at a time, first come, first served (a std::mutex promises no order).
class Turns {
 public:
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns) { turns_.enter(); }
    ~Turn() { turns_.leave(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

 private:
  void enter();
  void leave();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0;
  std::uint64_t serving_ = 0;
};

class Writer {
 public:
  /// Reads where the journal ends. Throws SQLite::Exception.
  /// REQUIRES: the schema of `connection` is prepared.
  Writer(std::string path, std::unique_ptr<Connection> connection, std::string version);

  Result<void> append(const Batch& batch);
  Result<void> probe();
  Result<void> save_snapshot(const State& state);

 private:
  template <class Work>
  Result<void> transact(Work&& work);
  Result<void> still_there() const;
  void insert_inputs(const Batch& batch);
  void insert_events(const Batch& batch);
  void insert_ended(const EndedJob& ended);
  Result<void> drop_snapshot(std::int64_t snapshot);
  Result<void> drop_old_snapshots(std::int64_t newest);

  std::string path_;
  std::unique_ptr<Connection> connection_;
  std::string version_;
  Turns turns_;
  std::mutex snapshot_mutex_;  ///< one snapshot at a time
  dev_t device_ = 0;           ///< which file was opened
  ino_t inode_ = 0;
  std::int64_t next_batch_ = 1;
  std::int64_t next_input_ = 1;
  std::uint64_t next_event_ = 1;
  std::string row_;  ///< the text being written; kept for its memory
};

}  // namespace mw::sqlite

// The tables, and what a file must be to be a journal that we can use.
#pragma once

#include <string>

#include "base/result.h"
#include "journal/sqlite/connection.h"

namespace mw::sqlite {

/// Makes the tables in an empty file, and sets how the file is written.
/// Errors: as check_schema. Throws SQLite::Exception.
Result<void> prepare_schema(Connection& connection, const std::string& path,
                            const std::string& version);

/// Errors: kInvalid when it is not a journal; kUnsupported when its schema is newer or older than
/// ours, naming both. Throws SQLite::Exception.
Result<void> check_schema(Connection& connection, const std::string& path,
                          const std::string& version);

}  // namespace mw::sqlite

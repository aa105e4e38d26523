// What every engine must do. An engine's own test file says how it is opened:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseSuite, testing::Values(&make_sqlite));
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "platform/store/database.h"

namespace fairlead::store {

// A place for one database, empty at first.
class TestPlace {
 public:
  virtual ~TestPlace() = default;
  virtual Result<std::unique_ptr<Database>> open(async::BlockingPool& readers,
                                                 std::span<const Migration> migrations) = 0;
};

using MakePlace = std::unique_ptr<TestPlace> (*)();

class DatabaseSuite : public testing::TestWithParam<MakePlace> {
 protected:
  DatabaseSuite() : place_(GetParam()()) {}
  // Closes what is open and opens it again.
  Result<void> reopen(std::span<const Migration> migrations);
  void SetUp() override;

  std::unique_ptr<TestPlace> place_;
  async::BlockingPool pool_{4};
  std::unique_ptr<Database> database_;
};

// For what is tested of one engine: items with a note.
extern const std::vector<Migration> kNotes;
Result<void> add_note(Database& database, const std::string& name, const std::string& note = "");
std::int64_t count(Database& database);  // of the items; a failed check if that cannot be read

}  // namespace fairlead::store

#include "access/key_service.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "access/tests/control_plane_server.h"
#include "platform/async/task_group.h"

namespace fairlead::access {
namespace {

struct Opened {
  std::unique_ptr<store::Database> database;
  std::unique_ptr<KeyService> keys;
};

class KeyServiceTest : public testing::Test {
 protected:
  Result<Opened> open() {
    Opened opened;
    FAIRLEAD_TRY(opened.database, store::open_sqlite(folder.path("fairlead.db"), pool, KeyService::migrations()));
    FAIRLEAD_TRY(opened.keys, KeyService::open(*opened.database, pool, clock, folder.path("")));
    return opened;
  }

  http::ScratchFolder folder;
  async::BlockingPool pool{2};
  ManualClock clock;
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

}  // namespace

TEST_F(KeyServiceTest, gives_a_first_start_an_admin_key_in_a_file_of_its_owner) {
  std::string key;
  {
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    auto path = opened->keys->create_first_admin_blocking();
    ASSERT_TRUE(path && *path) << "no key was made";
    key = read_file(**path);
    ASSERT_EQ(key.size(), 3 + 43 + 1u);
    key.pop_back();
    EXPECT_EQ(key.substr(0, 3), "fl-");
    EXPECT_EQ(mode_of(**path), 0600u);
    EXPECT_EQ(mode_of(folder.path("pepper")), 0600u);
  }
  auto again = open();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->keys->create_first_admin_blocking().value(), std::nullopt);
  const auto table = again->keys->table();
  const Principal* admin = table->find(key, clock.unix_micros());
  ASSERT_NE(admin, nullptr);
  EXPECT_EQ(admin->project, kHomeProject);
  for (const Scope scope : {Scope::kCall, Scope::kRead, Scope::kWrite, Scope::kAdmin}) EXPECT_TRUE(admin->may(scope));
}

TEST_F(KeyServiceTest, keeps_no_key_in_the_data_folder) {
  auto opened = open();
  ASSERT_TRUE(opened);
  std::string key = read_file(opened->keys->create_first_admin_blocking().value().value());
  key.pop_back();
  opened = Opened{};
  for (const auto& entry : std::filesystem::directory_iterator(folder.path(""))) {
    if (entry.path().filename() == "admin.key") continue;
    EXPECT_EQ(read_file(entry.path().string()).find(key), std::string::npos) << entry.path();
  }
}

TEST_F(KeyServiceTest, takes_the_pepper_that_it_is_given_and_refuses_another) {
  auto database = store::open_sqlite(folder.path("fairlead.db"), pool, KeyService::migrations()).value();
  const auto open_with = [&](PepperSource source) {
    return KeyService::open(*database, pool, clock, folder.path(""), std::move(source));
  };
  const PepperSource given{.text = SecretText(std::string(64, 'a').c_str()), .path = {}, .name = "FAIRLEAD_PEPPER"};
  std::string key;
  {
    auto keys = open_with(given);
    ASSERT_TRUE(keys) << keys.error().message;
    key = read_file(keys.value()->create_first_admin_blocking().value().value());
    key.pop_back();
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("pepper")));
  std::ofstream(folder.path("elsewhere")) << std::string(64, 'a') << "\n";
  auto same = open_with({.text = {}, .path = folder.path("elsewhere"), .name = {}});
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_NE(same.value()->table()->find(key, clock.unix_micros()), nullptr);
  std::ofstream(folder.path("other")) << std::string(64, 'b');
  std::ofstream(folder.path("short")) << "abc";
  for (const auto& [file, code] : {std::pair("other", "pepper_other"),
                                   {"short", "pepper_unreadable"},
                                   {"nowhere", "pepper_missing"},
                                   {"", "pepper_missing"}}) {
    auto opened = open_with({.text = {}, .path = *file != '\0' ? folder.path(file) : "", .name = {}});
    ASSERT_FALSE(opened) << file;
    EXPECT_EQ(opened.error().code, code) << file;
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("pepper")));
}

TEST_F(KeyServiceTest, says_that_the_pepper_is_gone) {
  {
    auto opened = open();
    ASSERT_TRUE(opened);
    ASSERT_TRUE(opened->keys->create_first_admin_blocking());
  }
  std::filesystem::remove(folder.path("pepper"));
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "pepper_missing");
  EXPECT_NE(opened.error().message.find(folder.path("")), std::string::npos);
}

namespace {

async::Task<void> make_many(KeyService& keys, Principal admin, int count, std::vector<std::string>& made,
                            std::promise<void>& done) {
  for (int i = 0; i < count; ++i) {
    KeyRequest request{"k", "default", static_cast<std::uint8_t>(Scope::kCall), 0};
    auto key = co_await keys.create(std::move(request), admin);
    EXPECT_TRUE(key);
    if (!key) break;
    EXPECT_NE(keys.table()->find(key->key, key->info.created_at_us), nullptr);
    if (i % 2 == 0) {
      made.push_back(key->key);
      continue;
    }
    std::string id = key->info.id;
    auto revoked = co_await keys.revoke(std::move(id), admin);
    EXPECT_TRUE(revoked);
    EXPECT_EQ(keys.table()->find(key->key, key->info.created_at_us), nullptr);
  }
  done.set_value();
}

}  // namespace

TEST_F(KeyServiceTest, has_each_change_in_force_when_it_returns_with_many_at_once) {
  auto opened = open();
  ASSERT_TRUE(opened);
  const Principal admin{"key_0", "admin", "default", 15, 0};
  constexpr int kLoops = 4, kEach = 20;
  async::Runtime runtime(kLoops);
  std::vector<std::unique_ptr<async::TaskGroup>> groups;
  std::vector<std::promise<void>> done(kLoops);
  std::vector<std::vector<std::string>> made(kLoops);
  for (int i = 0; i < kLoops; ++i) {
    groups.push_back(std::make_unique<async::TaskGroup>(runtime.loop(i).executor()));
    runtime.loop(i).post([&, i] { groups[i]->spawn(make_many(*opened->keys, admin, kEach, made[i], done[i])); });
  }
  runtime.start();
  for (auto& one : done) one.get_future().wait();
  runtime.stop();
  const auto table = opened->keys->table();
  for (const auto& keys : made) {
    EXPECT_EQ(keys.size(), kEach / 2u);
    for (const std::string& key : keys) EXPECT_NE(table->find(key, clock.unix_micros()), nullptr);
  }
}

}  // namespace fairlead::access

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/store/tests/database_suite.h"

namespace fairlead::store {
namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "fairlead-store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class SqlitePlace final : public TestPlace {
 public:
  Result<std::unique_ptr<Database>> open(async::BlockingPool& readers, std::span<const Migration> migrations) override {
    return open_sqlite(folder_.path() + "/fairlead.db", readers, migrations);
  }

 private:
  TemporaryFolder folder_;
};

std::unique_ptr<TestPlace> make_sqlite() {
  return std::make_unique<SqlitePlace>();
}

// Runs `body` in a child process; its exit code.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// The error code that opening gives, in a child without root's power to write everywhere.
std::string code_of_opening_unprivileged(const std::string& folder) {
  const std::string answer = folder + ".answer";
  { std::ofstream(answer) << ""; }
  fs::permissions(answer, fs::perms::all);
  in_child([&] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 1;
    async::BlockingPool pool(1);
    auto opened = open_sqlite(folder + "/fairlead.db", pool, kNotes);
    std::ofstream(answer) << (opened ? "opened" : opened.error().code + " " + opened.error().message);
    return 0;
  });
  std::string text;
  std::getline(std::ifstream(answer), text);
  fs::remove(answer);
  return text;
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseSuite, testing::Values(&make_sqlite));

TEST(Sqlite, makes_the_folder_and_keeps_it_private) {
  TemporaryFolder folder;
  async::BlockingPool pool(1);
  const std::string data = folder.path() + "/a/b";
  auto opened = open_sqlite(data + "/fairlead.db", pool, kNotes);
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_TRUE(add_note(**opened, "rope"));
  for (const char* file : {"fairlead.db", "fairlead.db-wal", "fairlead.lock"}) {
    struct stat status {};
    ASSERT_EQ(stat((data + "/" + file).c_str(), &status), 0) << file;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << file;
  }
}

TEST(Sqlite, tells_a_second_process_who_has_the_folder) {
  TemporaryFolder folder;
  async::BlockingPool pool(1);
  auto first = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
  ASSERT_TRUE(first);
  auto second = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "store_locked");
  EXPECT_EQ(second.error().message, "Another Fairlead (process " + std::to_string(getpid()) +
                                        ") is using the data folder " + folder.path() +
                                        ". Stop it, or give this one a folder of its own.");
  first->reset();
  EXPECT_TRUE(open_sqlite(folder.path() + "/fairlead.db", pool, kNotes));
}

TEST(Sqlite, is_free_again_when_its_process_was_killed) {
  TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    async::BlockingPool pool(1);
    auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
    if (!opened || !add_note(**opened, "rope")) _exit(1);
    if (write(ready[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  async::BlockingPool pool(1);
  EXPECT_EQ(open_sqlite(folder.path() + "/fairlead.db", pool, kNotes).error().code, "store_locked");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(count(**opened), 1);
}

// Each name goes down the pipe once its write has returned: whatever came out must be there after the kill.
TEST(Sqlite, keeps_every_write_that_returned_before_a_kill) {
  for (int round = 0; round < 5; ++round) {
    TemporaryFolder folder;
    int written[2];
    ASSERT_EQ(pipe(written), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(written[0]);
      async::BlockingPool pool(1);
      auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
      if (!opened) _exit(1);
      std::vector<std::thread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0;; ++i) {
            if (!add_note(**opened, std::to_string(t) + "/" + std::to_string(i)) || write(written[1], "x", 1) != 1)
              _exit(1);
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    close(written[1]);
    std::int64_t acknowledged = 0;
    char bytes[4096];
    while (acknowledged < 20 + round * 37) {
      const ssize_t size = read(written[0], bytes, sizeof(bytes));
      ASSERT_GT(size, 0);
      acknowledged += size;
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (ssize_t size; (size = read(written[0], bytes, sizeof(bytes))) > 0;) acknowledged += size;
    close(written[0]);
    async::BlockingPool pool(1);
    auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_GE(count(**opened), acknowledged);
    EXPECT_LE(count(**opened), acknowledged + 4);
  }
}

TEST(Sqlite, names_a_folder_that_cannot_be_written) {
  TemporaryFolder folder;
  fs::permissions(folder.path(),
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  const std::string answer = code_of_opening_unprivileged(folder.path());
  EXPECT_EQ(answer.substr(0, 16), "store_read_only ");
  EXPECT_NE(answer.find(folder.path()), std::string::npos) << answer;
  fs::permissions(folder.path(), fs::perms::owner_all);
}

TEST(Sqlite, names_a_file_that_cannot_be_written) {
  TemporaryFolder folder;
  {
    async::BlockingPool pool(1);
    ASSERT_TRUE(open_sqlite(folder.path() + "/fairlead.db", pool, kNotes));
  }
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(folder.path() + "/fairlead.lock", fs::perms::all);
  fs::permissions(folder.path() + "/fairlead.db", fs::perms::owner_read | fs::perms::others_read);
  const std::string answer = code_of_opening_unprivileged(folder.path());
  EXPECT_EQ(answer.substr(0, 16), "store_read_only ");
  EXPECT_NE(answer.find(folder.path() + "/fairlead.db"), std::string::npos) << answer;
}

TEST(Sqlite, names_a_file_that_is_no_database) {
  TemporaryFolder folder;
  { std::ofstream(folder.path() + "/fairlead.db") << std::string(8192, 'x'); }
  async::BlockingPool pool(1);
  auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "store_corrupt");
  EXPECT_NE(opened.error().message.find(folder.path() + "/fairlead.db is damaged"), std::string::npos)
      << opened.error().message;
}

TEST(Sqlite, notices_a_file_that_was_cut_in_half) {
  TemporaryFolder folder;
  async::BlockingPool pool(1);
  {
    auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
    ASSERT_TRUE(opened);
    for (int i = 0; i < 64; ++i) ASSERT_TRUE(add_note(**opened, std::to_string(i), std::string(2000, 'n')));
  }
  const std::string path = folder.path() + "/fairlead.db";
  fs::resize_file(path, fs::file_size(path) / 2);
  auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "store_corrupt");
}

TEST(Sqlite, says_that_the_disk_is_full_and_keeps_what_was_there) {
  TemporaryFolder folder;
  const int exit_code = in_child([&] {
    async::BlockingPool pool(1);
    auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
    if (!opened || !add_note(**opened, "before")) return 1;
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{256 * 1024, 256 * 1024};  // no file of this process grows beyond: as a full disk would have it
    setrlimit(RLIMIT_FSIZE, &limit);
    auto done = add_note(**opened, "large", std::string(4 << 20, 'n'));
    if (done) return 2;
    if (done.error().code != "store_full") return 3;
    if (count(**opened) != 1) return 4;
    if (!add_note(**opened, "small")) return 5;  // there is room for this one
    return 0;
  });
  EXPECT_EQ(exit_code, 0);
  async::BlockingPool pool(1);
  auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
  ASSERT_TRUE(opened);
  EXPECT_EQ(count(**opened), 2);
}

TEST(Sqlite, says_that_another_program_holds_the_file) {
  TemporaryFolder folder;
  async::BlockingPool pool(1);
  auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
  ASSERT_TRUE(opened);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((folder.path() + "/fairlead.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "begin immediate", nullptr, nullptr, nullptr), SQLITE_OK);
  auto done = add_note(**opened, "rope");
  EXPECT_FALSE(done);
  EXPECT_EQ(done.error().code, "store_busy");
  sqlite3_exec(other, "rollback", nullptr, nullptr, nullptr);
  EXPECT_TRUE(add_note(**opened, "rope"));
  sqlite3_close(other);
}

// A group in which one work has the disk fail: none of it is kept, and each is told.
TEST(Sqlite, tells_every_work_of_a_group_that_the_disk_failed) {
  TemporaryFolder folder;
  const int exit_code = in_child([&] {
    async::BlockingPool pool(1);
    auto opened = open_sqlite(folder.path() + "/fairlead.db", pool, kNotes);
    if (!opened) return 1;
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{512 * 1024, 512 * 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
    std::vector<std::thread> threads;
    std::atomic<int> kept{0}, full{0}, other{0};
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          auto done =
              add_note(**opened, std::to_string(t) + "/" + std::to_string(i), std::string(i == 10 ? 3 << 20 : 10, 'n'));
          ++(done ? kept : done.error().code == "store_full" ? full : other);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    if (other != 0 || full < 8) return 2;
    return count(**opened) == kept ? 0 : 3;
  });
  EXPECT_EQ(exit_code, 0);
}

}  // namespace fairlead::store

#include "safety/policy/vault.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <fstream>

#include "safety/policy/internal/session.h"
#include "safety/policy/tests/support.h"

namespace fairlead::policy {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

class SetClock final : public Clock {
 public:
  std::int64_t unix_micros() const override { return now.load(); }
  SteadyTime steady() const override { return real_.steady(); }
  std::atomic<std::int64_t> now{1'000'000'000'000};

 private:
  SystemClock real_;
};

class VaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/fairlead-vault-XXXXXX";
    folder = ::mkdtemp(name);
    open();
  }
  void TearDown() override {
    close();
    std::filesystem::remove_all(folder);
  }
  void open(VaultKeySource source = {}) {
    runtime = std::make_unique<async::Runtime>(2);
    pool = std::make_unique<async::BlockingPool>(1);
    const auto migrations = Vault::migrations();
    auto opened = store::open(folder + "/test.db", *pool, migrations);
    ASSERT_TRUE(opened) << opened.error().message;
    database = *std::move(opened);
    if (source.owned.empty()) source.owned = folder + "/privacy.key";
    auto made = Vault::open(*runtime, *database, clock, std::move(source));
    ASSERT_TRUE(made) << made.error().message;
    vault = *std::move(made);
    runtime->start();
  }
  void close() {
    if (vault) vault->end();
    if (runtime) runtime->stop();
    vault.reset();
    database.reset();
    pool.reset();
    runtime.reset();
  }
  template <class T>
  T await(async::Task<T> task) {
    return asio::co_spawn(runtime->loop(0).executor(), std::move(task), asio::use_future).get();
  }
  std::string hide(const std::string& session, const std::string& text, std::chrono::seconds ttl = 86'400s) {
    auto out = std::make_shared<std::string>();
    auto seen = await(vault->with(runtime->loop(0), "default", session, ttl, [out, text](Session& one) {
      Haystack others;
      *out = one.hide("EMAIL_ADDRESS", text, others);
    }));
    EXPECT_TRUE(seen);
    if (seen) entries = seen->entries, is_kept = seen->is_kept;
    return *out;
  }
  // What stands behind a pseudonym; empty: nothing.
  std::string behind(const std::string& session, const std::string& made) {
    auto out = std::make_shared<std::string>();
    auto seen = await(vault->with(runtime->loop(0), "default", session, 86'400s, [out, made](Session& one) {
      one.pseudonyms()->find(made, 0, true, [&](const Match& match) { *out = match.form->gives; });
    }));
    EXPECT_TRUE(seen);
    return *out;
  }
  Result<void> keep(const std::string& session) {
    return await(vault->keep(runtime->loop(0), "default", session, entries));
  }

  std::string folder;
  SetClock clock;
  std::unique_ptr<async::Runtime> runtime;
  std::unique_ptr<async::BlockingPool> pool;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<Vault> vault;
  std::size_t entries = 0;
  bool is_kept = false;
};

TEST_F(VaultTest, RemembersOverARestartAndKeepsNothingInTheClear) {
  const std::string made = hide("s-1", "maria.secret@bank.ru"), other = hide("s-2", "maria.secret@bank.ru");
  EXPECT_NE(made, other) << "sessions have their own";
  ASSERT_TRUE(keep("s-1"));
  close();
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    EXPECT_EQ(bytes.find("maria.secret"), std::string::npos) << file.path();
    EXPECT_EQ(bytes.find(made), std::string::npos) << file.path();
  }
  open();
  EXPECT_EQ(behind("s-1", made), "maria.secret@bank.ru");
  EXPECT_EQ(hide("s-1", "maria.secret@bank.ru"), made);
  EXPECT_TRUE(is_kept) << "there is nothing new";
}

TEST_F(VaultTest, WritesBehindTheCall) {
  hide("s-1", "a@bank.ru");
  EXPECT_TRUE(keep("s-1"));
  hide("s-1", "a@bank.ru");
  EXPECT_TRUE(is_kept);
  const std::string made = hide("s-1", "b@bank.ru");
  EXPECT_EQ(entries, 2U);
  close();  // stores what has to be
  open();
  EXPECT_EQ(behind("s-1", made), "b@bank.ru");
}

TEST_F(VaultTest, Forgets) {
  const std::string made = hide("s-1", "a@bank.ru");
  ASSERT_TRUE(keep("s-1"));
  EXPECT_TRUE(await(vault->forget(runtime->loop(0), "default", "s-1")).value());
  EXPECT_EQ(behind("s-1", made), "");
  EXPECT_FALSE(await(vault->forget(runtime->loop(0), "default", "s-1")).value());
  close();
  open();
  EXPECT_EQ(behind("s-1", made), "");
}

TEST_F(VaultTest, GivesKeptTextsTheirOriginalsBackAndLengthensNothing) {
  const std::string made = hide("s-1", "a@bank.ru", 3'600s);
  ASSERT_TRUE(keep("s-1"));
  const auto pseudonyms = await(vault->pseudonyms(runtime->loop(0), "default", "s-1"));
  ASSERT_TRUE(pseudonyms);
  EXPECT_EQ(Vault::restored(**pseudonyms, "to " + made + "!"), "to a@bank.ru!");
  const auto nothing = await(vault->pseudonyms(runtime->loop(0), "default", "s-2"));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, "session_not_found");
  EXPECT_NE(hide("s-2", "b@bank.ru"), "") << "it can begin all the same";
  clock.now += 3'601LL * 1'000'000;
  EXPECT_FALSE(await(vault->pseudonyms(runtime->loop(0), "default", "s-1")));
}

TEST_F(VaultTest, EndsWithItsTime) {
  const std::string made = hide("s-1", "a@bank.ru", 3'600s);
  ASSERT_TRUE(keep("s-1"));
  clock.now += 3'601LL * 1'000'000;
  EXPECT_EQ(behind("s-1", made), "");
  hide("s-1", "b@bank.ru", 3'600s);
  ASSERT_TRUE(keep("s-1"));
  close();
  open();
  EXPECT_EQ(behind("s-1", made), "");
  std::int64_t rows = 0;
  ASSERT_TRUE(database->read_blocking([&](store::Connection& connection) {
    return connection.query("select count(*) from privacy_entries", {}, [&](const store::Row& row) -> Result<void> {
      rows = row.integer(0);
      return {};
    });
  }));
  EXPECT_EQ(rows, 1);
}

TEST_F(VaultTest, AnotherKeyOpensNothingAndFirstKeysAreTried) {
  const std::string made = hide("s-1", "a@bank.ru");
  ASSERT_TRUE(keep("s-1"));
  close();
  std::ifstream in(folder + "/privacy.key");
  std::string old;
  std::getline(in, old);
  const std::string fresh(64, 'a');
  open({.text = SecretText(fresh), .path = {}, .command = {}, .owned = {}});
  EXPECT_EQ(behind("s-1", made), "");
  close();
  open({.text = SecretText(fresh + "\n" + old), .path = {}, .command = {}, .owned = {}});
  EXPECT_EQ(behind("s-1", made), "a@bank.ru");
  close();
  open({.text = {}, .path = {}, .command = "echo " + old, .owned = {}});
  EXPECT_EQ(behind("s-1", made), "a@bank.ru");
}

TEST_F(VaultTest, SaysWhatIsWrongWithItsKey) {
  const auto fails = [&](VaultKeySource source) {
    auto made = Vault::open(*runtime, *database, clock, std::move(source));
    return made ? std::string() : made.error().code + ": " + made.error().message;
  };
  EXPECT_THAT(fails({.text = SecretText("xyz"), .path = {}, .command = {}, .owned = {}}),
              ::testing::StartsWith("secrets_key_malformed"));
  EXPECT_THAT(fails({.text = {}, .path = folder + "/none", .command = {}, .owned = {}}),
              ::testing::HasSubstr("is not there"));
  EXPECT_THAT(fails({.text = {}, .path = {}, .command = "exit 3", .owned = {}}),
              ::testing::HasSubstr("privacy.key_command"));
  EXPECT_THAT(fails({.text = {}, .path = "a", .command = "b", .owned = {}}), ::testing::HasSubstr("More than one"));
}

}  // namespace
}  // namespace fairlead::policy

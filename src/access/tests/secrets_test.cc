#include "access/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "access/audit.h"
#include "access/http/secret_routes.h"
#include "access/key_service.h"
#include "access/master_key.h"
#include "access/tests/control_plane_server.h"
#include "base/digest.h"
#include "platform/async/tests/wait_for.h"

namespace fairlead::access {
namespace {

using async::wait_for;
using testing::HasSubstr;
using testing::Not;

const Principal kAdmin{"key_1", "maria", "default", 15, 0};
const Principal kOther{"key_2", "olaf", "other", 15, 0};
const std::string kValue = "sk-0123456789-abcdefghij-very-secret";
const std::string kKeyA(64, 'a'), kKeyB(64, 'b');

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

class SecretsTest : public testing::Test {
 protected:
  void SetUp() override { open(); }

  // As a start does; what was open is closed first.
  void open(std::optional<MasterKeySource> source = {}) {
    secrets.reset();
    database.reset();
    database = store::open_sqlite(folder.path("fairlead.db"), pool, KeyService::migrations()).value();
    MasterKeySource own{.path = key_file, .name = key_file};
    secrets = SecretService::open(*database, pool, clock, source ? *source : own).value();
    secrets->set_users([this](store::Connection&, const std::string&) {
      return Result<std::map<std::string, std::vector<SecretUser>>>(users);
    });
  }

  Result<SecretInfo> set(const std::string& name, const std::string& value, const Principal& admin = kAdmin) {
    return wait_for(secrets->set(name, SecretText(value), admin));
  }
  std::string code_of_set(const std::string& name, const std::string& value) {
    auto done = set(name, value);
    return done ? "" : done.error().code;
  }
  Result<std::int64_t> remove(const std::string& name, bool force = false) {
    return wait_for(secrets->remove(name, force, kAdmin));
  }
  // The value, or the code of the error.
  std::string value(const std::string& name, const std::string& project = "default") {
    auto found = secrets->value_blocking(project, name);
    return found ? std::string(*found) : found.error().code;
  }
  void run(const std::string& sql) {
    ASSERT_TRUE(database->write_blocking([&](store::Connection& connection) -> Result<void> {
      auto done = connection.execute(sql);
      if (!done) return fail(std::move(done).error());
      return {};
    }));
  }

  http::ScratchFolder folder;
  const std::string key_file = folder.path("secrets.key");
  async::BlockingPool pool{4};
  ManualClock clock;
  std::map<std::string, std::vector<SecretUser>> users;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<SecretService> secrets;
};

}  // namespace

TEST(MasterKey, opens_the_published_example_of_AES_GCM) {
  // McGrew and Viega, The Galois/Counter Mode of Operation, test case 16.
  const auto key = MasterKey::parse("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308\n");
  ASSERT_TRUE(key);
  const Sealed sealed{from_hex("cafebabefacedbaddecaf888").value(),
                      from_hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b"
                               "1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b")
                          .value()};
  const auto bound = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2").value();
  const auto plain = key->open(sealed, bound);
  ASSERT_TRUE(plain);
  EXPECT_EQ(to_hex(*plain),
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa"
            "0de657ba637b39");
  EXPECT_FALSE(key->open(sealed, bound + "x"));
}

TEST(MasterKey, opens_what_it_sealed_and_nothing_that_differs_in_a_bit) {
  const MasterKey key = MasterKey::random();
  const Sealed sealed = key.seal(kValue, "place");
  EXPECT_EQ(key.open(sealed, "place").value(), SecretText(kValue));
  EXPECT_NE(key.seal(kValue, "place").nonce, sealed.nonce);
  EXPECT_THAT(sealed.box, Not(HasSubstr(kValue.substr(0, 8))));
  for (std::size_t i = 0; i < sealed.box.size(); ++i) {
    Sealed changed = sealed;
    changed.box[i] = static_cast<char>(changed.box[i] ^ 1);
    EXPECT_FALSE(key.open(changed, "place")) << i;
  }
  for (std::size_t size = 0; size < sealed.box.size(); ++size) {
    EXPECT_FALSE(key.open({sealed.nonce, sealed.box.substr(0, size)}, "place")) << size;
  }
  EXPECT_FALSE(MasterKey::random().open(sealed, "place"));
  EXPECT_FALSE(key.open({"", sealed.box}, "place"));
}

TEST(MasterKey, is_read_as_hex_with_older_ones_behind) {
  EXPECT_EQ(parse_key_ring(" " + kKeyA + "\r\n\n" + kKeyB + ",").value().size(), 2u);
  EXPECT_EQ(parse_key_ring("\n").value().size(), 0u);
  EXPECT_EQ(MasterKey::parse(kKeyA)->hex(), SecretText(kKeyA));
  for (const std::string& bad : {kKeyA.substr(1), kKeyA + "0", "x" + kKeyA.substr(1), kKeyA + " " + kKeyB}) {
    const auto ring = parse_key_ring(bad);
    ASSERT_FALSE(ring) << bad;
    EXPECT_THAT(ring.error().message, Not(HasSubstr("aaaa")));
  }
}

TEST_F(SecretsTest, are_set_replaced_and_given_to_whoever_makes_providers) {
  EXPECT_FALSE(std::filesystem::exists(key_file)) << "made before it is needed";
  const auto first = set("openai", kValue);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->version, 1);
  EXPECT_EQ(first->set_by, "maria");
  EXPECT_EQ(value("openai"), kValue);
  struct stat status {};
  ASSERT_EQ(stat(key_file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  std::vector<std::string> heard;
  secrets->on_change([&](const std::string& project) { heard.push_back(project + " " + value("openai")); });
  EXPECT_EQ(set("openai", "another-value")->version, 2);
  EXPECT_THAT(heard, testing::ElementsAre("default another-value"));
  EXPECT_EQ(secrets->versions_blocking("default").value(), (std::map<std::string, std::int64_t>{{"openai", 2}}));
  open();
  EXPECT_EQ(value("openai"), "another-value");
  EXPECT_EQ(value("opnai"), "secret_not_found");
  EXPECT_THAT(secrets->value_blocking("default", "opnai").error().message, HasSubstr("Did you mean `openai`?"));
}

TEST_F(SecretsTest, take_one_line_of_visible_characters) {
  EXPECT_EQ(code_of_set("x", std::string(64 * 1024, 'v')), "");
  EXPECT_EQ(value("x").size(), 64 * 1024u);
  const std::pair<std::string, const char*> cases[] = {
      {"", "empty"},           {std::string(64 * 1024 + 1, 'v'), "64 KiB"},
      {kValue + "\n", "line"}, {"a\rb", "line"},
      {" " + kValue, "space"}, {kValue + " ", "space"},
      {"\xc3\xa9", "ASCII"},   {std::string("a\0b", 3), "zero"},
      {"a\tb", "ASCII"}};
  for (const auto& [bad, says] : cases) {
    const auto done = set("y", bad);
    ASSERT_FALSE(done) << says;
    EXPECT_EQ(done.error().code, "invalid_secret_value");
    EXPECT_THAT(done.error().message, HasSubstr(says));
    EXPECT_THAT(done.error().message, Not(HasSubstr(kValue)));
  }
  for (const std::string& name : {std::string(), std::string("Openai"), std::string("a b"), std::string("-a"),
                                  std::string(64, 'a'), std::string("a/b")}) {
    const auto done = set(name, kValue);
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().code, "invalid_secret_name");
  }
}

TEST_F(SecretsTest, are_nowhere_in_the_data_folder) {
  ASSERT_TRUE(set("openai", kValue));
  ASSERT_TRUE(set("openai", "replaced-" + kValue));
  ASSERT_TRUE(wait_for(secrets->rekey(kAdmin)));
  const std::string key = read_file(key_file).substr(0, 64);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path(""))) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string content = read_file(entry.path().string());
    EXPECT_THAT(content, Not(HasSubstr(kValue))) << entry.path();
    EXPECT_THAT(content, Not(HasSubstr(to_hex(kValue)))) << entry.path();
    if (entry.path() == key_file) continue;
    EXPECT_THAT(content, Not(HasSubstr(key))) << entry.path();
  }
  EXPECT_GE(files, 3);
}

TEST_F(SecretsTest, do_not_open_when_their_row_was_changed_or_moved) {
  ASSERT_TRUE(set("a", "value-of-a"));
  ASSERT_TRUE(set("b", "value-of-b"));
  ASSERT_TRUE(set("a", "value-of-a-in-other", kOther));
  run("create table kept as select * from secrets");
  const auto restore = [&] {
    run("delete from secrets");
    run("insert into secrets select * from kept");
    ASSERT_EQ(value("a"), "value-of-a");
  };
  const std::string from_b =
      "(select box from kept where name = 'b'), nonce = (select nonce from kept where name = 'b')";
  const std::string from_other =
      "(select box from kept where project = 'other'), nonce = (select nonce from kept where project = 'other')";
  for (const std::string& change : std::vector<std::string>{
           "update secrets set box = " + from_b + " where name = 'a'",
           "update secrets set box = " + from_other + " where name = 'a' and project = 'default'",
           "update secrets set version = 2 where name = 'a'",
           "update secrets set box = substr(box, 1, length(box) - 2) where name = 'a'",
           "update secrets set box = '00' || substr(box, 3) where name = 'a' and substr(box, 1, 2) <> '00'",
           "update secrets set nonce = '' where name = 'a'",
           "update secrets set box = 'no hex' where name = 'a'",
       }) {
    run(change);
    EXPECT_EQ(value("a"), "secret_damaged") << change;
    EXPECT_EQ(value("b"), "value-of-b") << change;
    restore();
  }
  // An older value under its own version number is another version than the one in force.
  ASSERT_TRUE(set("a", "value-2"));
  run("update secrets set box = (select box from kept where name = 'a' and project = 'default'), nonce = (select nonce "
      "from kept where name = 'a' and project = 'default') where name = 'a' and project = 'default'");
  EXPECT_EQ(value("a"), "secret_damaged");
  EXPECT_EQ(set("a", "again")->version, 3);
  EXPECT_EQ(value("a"), "again");
}

TEST_F(SecretsTest, are_of_one_project) {
  ASSERT_TRUE(set("openai", kValue));
  ASSERT_TRUE(set("openai", "of-other", kOther));
  EXPECT_EQ(value("openai", "other"), "of-other");
  EXPECT_EQ(value("openai"), kValue);
  EXPECT_EQ(value("openai", "third"), "secret_not_found");
  const auto listed = wait_for(secrets->list(kOther));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().set_by, "olaf");
  ASSERT_TRUE(wait_for(secrets->remove("openai", false, kOther)));
  EXPECT_EQ(value("openai"), kValue);
  EXPECT_EQ(wait_for(secrets->remove("openai", false, kOther)).error().code, "secret_not_found");
  EXPECT_EQ(wait_for(secrets->rekey(kOther)).error().code, "permission_denied");
}

TEST_F(SecretsTest, stay_while_something_uses_them) {
  ASSERT_TRUE(set("openai", kValue));
  users["openai"] = {{"provider", "cloud"}, {"provider", "backup"}};
  const auto refused = remove("openai");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "secret_in_use");
  EXPECT_THAT(refused.error().message, HasSubstr("provider `cloud`, provider `backup`"));
  EXPECT_EQ(wait_for(secrets->list(kAdmin))->front().used_by.size(), 2u);
  EXPECT_EQ(value("openai"), kValue);
  EXPECT_EQ(remove("openai", true).value(), 1);
  EXPECT_EQ(value("openai"), "secret_not_found");
  EXPECT_TRUE(wait_for(secrets->list(kAdmin))->empty());
  EXPECT_EQ(remove("openai", true).error().code, "secret_not_found");
  // No number is given twice, so that who keeps one made from version 1 sees the difference.
  EXPECT_EQ(set("openai", kValue)->version, 2);
}

TEST_F(SecretsTest, are_locked_by_a_key_that_is_not_theirs_and_come_back_with_the_right_one) {
  ASSERT_TRUE(set("openai", kValue));
  const std::string right = read_file(key_file);
  for (const std::string& wrong : {kKeyA + "\n", std::string("not a key"), std::string(), std::string("gone")}) {
    wrong == "gone" ? (void)std::filesystem::remove(key_file) : write(key_file, wrong);
    open();
    EXPECT_EQ(value("openai"), "secrets_locked") << wrong;
    EXPECT_EQ(code_of_set("other", kValue), "secrets_locked") << wrong;
    EXPECT_EQ(wait_for(secrets->rekey(kAdmin)).error().code, "secrets_locked") << wrong;
    EXPECT_EQ(wait_for(secrets->list(kAdmin))->size(), 1u) << wrong;
    const auto said = secrets->value_blocking("default", "openai").error().message;
    EXPECT_THAT(said, HasSubstr(key_file)) << wrong;
    EXPECT_THAT(said, Not(HasSubstr("aaaaaaaa")));
    EXPECT_EQ(std::filesystem::exists(key_file), wrong != "gone") << "a new key was made over a lost one";
  }
  write(key_file, right);
  open();
  EXPECT_EQ(value("openai"), kValue);
}

TEST_F(SecretsTest, start_anew_once_all_are_removed) {
  ASSERT_TRUE(set("openai", kValue));
  std::filesystem::remove(key_file);
  open();
  ASSERT_TRUE(remove("openai"));
  EXPECT_EQ(code_of_set("openai", "new"), "");
  EXPECT_EQ(value("openai"), "new");
  open();
  EXPECT_EQ(value("openai"), "new");
}

TEST_F(SecretsTest, are_encrypted_anew_under_another_key) {
  ASSERT_TRUE(set("a", "value-a"));
  ASSERT_TRUE(set("b", "value-b", kOther));
  const std::string old = read_file(key_file);
  const auto count = wait_for(secrets->rekey(kAdmin));
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 2);
  EXPECT_EQ(read_file(key_file).size(), 65u);
  EXPECT_NE(read_file(key_file), old);
  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(value("a"), "value-a");
    EXPECT_EQ(value("b", "other"), "value-b");
    open();
  }
  EXPECT_EQ(set("a", "next")->version, 2);
  write(key_file, old);
  open();
  EXPECT_EQ(value("a"), "secrets_locked");
}

TEST_F(SecretsTest, finish_at_a_start_what_a_rotation_began) {
  ASSERT_TRUE(set("a", "value-a"));
  const std::string old = read_file(key_file);
  // Killed before the transaction, and after it.
  write(key_file, kKeyA + "\n" + old);
  for (int killed = 0; killed < 2; ++killed) {
    open();
    EXPECT_EQ(value("a"), "value-a");
    EXPECT_EQ(read_file(key_file), kKeyA + "\n");
    write(key_file, kKeyA + "\n" + old);
  }
  write(key_file, kKeyA);
  open();
  EXPECT_EQ(value("a"), "value-a");
}

TEST_F(SecretsTest, stay_as_they_are_when_one_cannot_be_encrypted_anew) {
  ASSERT_TRUE(set("a", "value-a"));
  ASSERT_TRUE(set("b", "value-b"));
  run("update secrets set nonce = '000000000000000000000000' where name = 'b'");
  const std::string old = read_file(key_file);
  const auto refused = wait_for(secrets->rekey(kAdmin));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "secret_damaged");
  EXPECT_THAT(refused.error().message, HasSubstr("`b`"));
  EXPECT_EQ(read_file(key_file), old);
  EXPECT_EQ(value("a"), "value-a");
  // Asked for by the file: the old key goes on.
  write(key_file, kKeyA + "\n" + old);
  open();
  EXPECT_EQ(value("a"), "value-a");
  EXPECT_EQ(code_of_set("c", "value-c"), "");
  ASSERT_TRUE(remove("b"));
  open();
  EXPECT_EQ(value("a"), "value-a");
  EXPECT_EQ(value("c"), "value-c");
  EXPECT_EQ(read_file(key_file), kKeyA + "\n");
}

TEST_F(SecretsTest, take_the_key_that_an_operator_gives_and_the_next_one) {
  const auto given = [](const std::string& keys) {
    return MasterKeySource{.text = SecretText(keys), .path = {}, .owned = false, .name = "FAIRLEAD_SECRETS_KEY"};
  };
  open(given(kKeyA));
  EXPECT_EQ(code_of_set("a", "value-a"), "");
  EXPECT_FALSE(std::filesystem::exists(key_file));
  const auto refused = wait_for(secrets->rekey(kAdmin));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "secrets_key_external");
  open(given(kKeyB + "," + kKeyA));
  EXPECT_EQ(value("a"), "value-a");
  open(given(kKeyB));
  EXPECT_EQ(value("a"), "value-a");
  open(given(kKeyA));
  EXPECT_EQ(value("a"), "secrets_locked");

  MasterKeySource mounted{.text = {}, .path = folder.path("mounted.key"), .owned = false, .name = "mounted.key"};
  open(mounted);
  EXPECT_EQ(value("a"), "secrets_locked");
  EXPECT_THAT(secrets->value_blocking("default", "a").error().message, HasSubstr("is not there"));
  write(mounted.path, kKeyA + "\n" + kKeyB + "\n");
  open(mounted);
  EXPECT_EQ(value("a"), "value-a");
  EXPECT_EQ(read_file(mounted.path), kKeyA + "\n" + kKeyB + "\n") << "not ours to write";
}

TEST_F(SecretsTest, are_there_for_everyone_while_the_key_is_replaced) {
  ASSERT_TRUE(set("steady", kValue));
  std::atomic<bool> done{false};
  std::atomic<int> reads{0}, writes{0};
  std::thread reader([&] {
    for (; !done; ++reads) EXPECT_EQ(value("steady"), kValue);
  });
  std::thread writer([&] {
    for (int i = 1; !done; ++i, ++writes) {
      const std::string next = "value-" + std::to_string(i);
      EXPECT_EQ(code_of_set("moving", next), "");
      EXPECT_EQ(value("moving"), next);
    }
  });
  for (int i = 0; i < 20 || reads < 20 || writes < 20; ++i) {
    const auto count = wait_for(secrets->rekey(kAdmin));
    ASSERT_TRUE(count) << count.error().message;
  }
  done = true;
  reader.join();
  writer.join();
  open();
  EXPECT_EQ(value("steady"), kValue);
  EXPECT_EQ(value("moving"), "value-" + std::to_string(writes));
}

TEST_F(SecretsTest, leave_audit_rows_without_values) {
  ASSERT_TRUE(set("openai", kValue));
  ASSERT_TRUE(wait_for(secrets->rekey(kAdmin)));
  ASSERT_TRUE(remove("openai"));
  AuditPage page;
  ASSERT_TRUE(database->read_blocking([&](store::Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(page, read_audit(connection, "default", 0, 10));
    return {};
  }));
  std::string told;
  for (const AuditEntry& entry : page.data) {
    told += entry.action + " " + entry.kind + " " + entry.name + " by " + entry.actor.name + "; ";
    for (const auto& [name, detail] : entry.detail) EXPECT_TRUE(name == "version" || name == "secrets");
  }
  EXPECT_EQ(
      told,
      "remove_secret secret openai by maria; rekey_secrets secret  by maria; set_secret secret openai by maria; ");
}

// The routes.

namespace {

struct SecretsServer {
  SecretsServer()
      : server({}, [this](http::Router& router, const Guard& guard, store::Database& database) {
          pool = std::make_unique<async::BlockingPool>(2);
          const std::string file = folder.path("secrets.key");
          secrets = SecretService::open(database, *pool, clock, {.path = file, .name = file}).value();
          secrets->set_users([](store::Connection&, const std::string&) {
            std::map<std::string, std::vector<SecretUser>> users;
            users["used"] = {{"provider", "cloud"}};
            return Result<std::map<std::string, std::vector<SecretUser>>>(std::move(users));
          });
          add_secret_routes(router, guard, *secrets);
        }) {}
  ~SecretsServer() {
    server.stop();
    secrets.reset();
    pool.reset();
  }

  http::ScratchFolder folder;
  ManualClock clock;
  std::unique_ptr<async::BlockingPool> pool;
  std::unique_ptr<SecretService> secrets;
  ControlPlaneServer server;
};

}  // namespace

TEST(SecretRoutes, set_list_and_remove_and_give_no_value) {
  SecretsServer at;
  ControlPlaneServer& server = at.server;
  const std::string body = R"({"name":"used","value":")" + kValue + R"("})";
  const Reply made = server.call("POST", "/api/v1/secrets", server.admin_key(), body);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.json.at("version").as_int64(), 1);
  const Reply listed = server.call("GET", "/api/v1/secrets", server.admin_key());
  ASSERT_EQ(listed.status, 200) << listed.text;
  EXPECT_EQ(listed.json.at("data").at(0).at("name").as_string(), "used");
  EXPECT_EQ(listed.json.at("data").at(0).at("set_by").as_string(), "admin");
  EXPECT_EQ(listed.json.at("data").at(0).at("used_by").at(0).at("name").as_string(), "cloud");
  EXPECT_EQ(server.call("GET", "/api/v1/secrets/used", server.admin_key()).status, 405);
  EXPECT_EQ(server.call("POST", "/api/v1/rekey", server.admin_key()).json.at("secrets").as_int64(), 1);
  EXPECT_EQ(server.call("DELETE", "/api/v1/secrets/used", server.admin_key()).code(), "secret_in_use");
  EXPECT_EQ(server.call("DELETE", "/api/v1/secrets/used?force=yes", server.admin_key()).code(), "invalid_value");
  EXPECT_EQ(server.call("DELETE", "/api/v1/secrets/used?force=true", server.admin_key()).status, 200);
  EXPECT_EQ(server.call("DELETE", "/api/v1/secrets/used", server.admin_key()).code(), "secret_not_found");
  for (const Reply& reply : {made, listed, server.call("GET", "/api/v1/audit", server.admin_key())})
    EXPECT_THAT(reply.text, Not(HasSubstr(kValue)));
}

TEST(SecretRoutes, refuse_without_repeating_what_was_sent) {
  SecretsServer at;
  ControlPlaneServer& server = at.server;
  const std::pair<std::string, const char*> cases[] = {
      {R"({"name":")" + kValue + R"( ","value":"x"})", "invalid_secret_name"},
      {R"({"name":"a","value":")" + kValue + R"(\n"})", "invalid_secret_value"},
      {R"({"name":"a","value":[")" + kValue + R"("]})", "invalid_type"},
      {R"({"name":"a","value":{"v":")" + kValue + R"("}})", "invalid_type"},
      {R"({"value":")" + kValue + R"("})", "missing_required_parameter"},
      {R"({"name":"a"})", "missing_required_parameter"},
      {R"({"name":"a","values":")" + kValue + R"("})", "unknown_parameter"},
      {"\"" + kValue + "\"", "invalid_json"},
  };
  for (const auto& [body, code] : cases) {
    const Reply reply = server.call("POST", "/api/v1/secrets", server.admin_key(), body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.code(), code) << body << reply.text;
    EXPECT_THAT(reply.text, Not(HasSubstr(kValue)));
  }
  const std::string writer = server.make_key(R"(["call","read","write"])");
  for (const auto& [method, target] : {std::pair{"POST", "/api/v1/secrets"},
                                       {"GET", "/api/v1/secrets"},
                                       {"DELETE", "/api/v1/secrets/a"},
                                       {"POST", "/api/v1/rekey"}}) {
    EXPECT_EQ(server.call(method, target, writer).code(), "insufficient_scope") << target;
    EXPECT_EQ(server.call(method, target, "").code(), "missing_api_key") << target;
  }
}

}  // namespace fairlead::access

#include <gtest/gtest.h>

#include "resources/tests/test_kinds.h"

namespace fairlead::resources {
namespace {

std::string cloud_yaml(const std::string& secret) {
  return provider_yaml("cloud") + "api_key: secret:" + secret + "\n";
}

class NamedSecrets : public testing::Test {
 protected:
  void run(const std::string& sql) {
    ASSERT_TRUE(service.database->write_blocking([&](store::Connection& connection) -> Result<void> {
      auto done = connection.execute(sql);
      if (!done) return fail(std::move(done).error());
      return {};
    }));
  }
  void make_secret(const std::string& name, const std::string& project = "bank") {
    run("insert into secrets (project, name, version, nonce, box, set_by, set_at_us) values ('" + project + "', '" +
        name + "', 1, '00', '00', 'maria', 0)");
  }
  std::string faults(const Result<ChangeSet>& changes) {
    if (!changes) return changes.error().code;
    std::string text;
    for (const Fault& fault : changes->faults) text += to_text(fault) + "\n";
    return text;
  }
  Result<ChangeSet> plan(const std::string& secret) {
    return wait_for(service.service->plan("bank", {{"providers.yaml", cloud_yaml(secret)}}));
  }
  Result<ChangeSet> apply(const std::string& secret) {
    return wait_for(service.service->apply("bank", {{"providers.yaml", cloud_yaml(secret)}}, kMaria, ""));
  }

  TestService service;
};

}  // namespace

TEST_F(NamedSecrets, must_exist_in_the_project) {
  make_secret("openai");
  make_secret("elsewhere", "other");
  run("insert into secrets (project, name, version, nonce, box, set_by, set_at_us) values ('bank', 'removed', 1, '', "
      "'', "
      "'maria', 0)");
  EXPECT_EQ(faults(plan("openai")), "");
  EXPECT_EQ(faults(plan("opnai")), "providers.yaml:4:10: secret `opnai` does not exist\n  did you mean `openai`?\n");
  for (const char* absent : {"elsewhere", "removed"}) {
    const std::string said = "providers.yaml:4:10: secret `" + std::string(absent) +
                             "` does not exist\n  set it: fairlead secrets set " + absent + "\n";
    EXPECT_EQ(faults(plan(absent)), said);
    EXPECT_EQ(faults(apply(absent)), said);
  }
  EXPECT_EQ(service.project().find("provider", "cloud"), nullptr);
  EXPECT_EQ(faults(apply("openai")), "");
  EXPECT_NE(service.project().find("provider", "cloud"), nullptr);
}

TEST_F(NamedSecrets, may_be_missing_at_a_start) {
  EXPECT_TRUE(service.apply({{"providers.yaml", cloud_yaml("openai")}}).faults.empty());
  EXPECT_NE(service.project().find("provider", "cloud"), nullptr);
}

TEST_F(NamedSecrets, are_looked_for_again_when_the_change_is_committed) {
  make_secret("openai");
  int prepared = 0;
  service.service->set_prepare([&](const Project&) -> Result<ResourceService::Publish> {
    if (++prepared == 1) run("delete from secrets");
    return [] {};
  });
  EXPECT_NE(faults(apply("openai")).find("`openai` does not exist"), std::string::npos);
  EXPECT_EQ(service.project().find("provider", "cloud"), nullptr);
}

TEST_F(NamedSecrets, are_used_by_what_a_label_points_to) {
  const auto users = secret_users(test_kinds());
  const auto told = [&](const std::string& project) {
    std::string out;
    EXPECT_TRUE(service.database->read_blocking([&](store::Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(const auto found, users(connection, project));
      for (const auto& [secret, by] : found)
        for (const auto& one : by) out += secret + ": " + one.kind + " " + one.name + "; ";
      return {};
    }));
    return out;
  };
  service.apply({{"a.yaml", cloud_yaml("first") + "labels: [production]\n"}});
  service.apply({{"a.yaml", cloud_yaml("second")}, {"b.yaml", provider_yaml("plain")}});
  EXPECT_EQ(told("bank"), "first: provider cloud; second: provider cloud; ");
  service.apply({{"a.yaml", cloud_yaml("third") + "labels: [production]\n"}});
  EXPECT_EQ(told("bank"), "second: provider cloud; third: provider cloud; ");
  EXPECT_EQ(told("other"), "");
}

}  // namespace fairlead::resources

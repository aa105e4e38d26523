#include "safety/policy/kind.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "platform/json/schema.h"
#include "platform/json/text.h"

namespace fairlead::policy {
namespace {

using ::testing::HasSubstr;

class Others final : public resources::Catalogue {
 public:
  const boost::json::object* find(std::string_view kind, std::string_view name) const override {
    if (kind == "provider" && name == "openai") return &openai_;
    if (kind == "provider" && name == "local") return &local_;
    if (kind == "model" && name == "tagger") return &tagger_;
    if (kind == "model" && name == "small") return &small_;
    return kind == "prompt" && name == "support-reply" ? &empty_ : nullptr;
  }
  std::vector<std::string> names(std::string_view kind) const override {
    return {kind == "provider" ? "openai" : kind == "model" ? "tagger" : "support-reply"};
  }

 private:
  boost::json::object empty_, openai_{{"type", "openai"}}, local_{{"type", "llama.cpp"}};
  boost::json::object tagger_{{"routes", {{{"provider", "local"}, {"file", "x.gguf"}}}}};
  boost::json::object small_{{"routes", {{{"provider", "local"}, {"file", "x.gguf"}}, {{"provider", "openai"}}}}};
};

std::string faults(std::string_view spec) {
  std::string out;
  for (const resources::SpecError& one : policy_kind().check("customers", json::parse(spec)->as_object(), Others()))
    out += one.pointer + ": " + one.message + "\n";
  return out;
}

TEST(PolicyKind, TakesWhatThePageShows) {
  EXPECT_EQ(faults(R"({"applies":{"prompts":["support-reply"]},
    "privacy":{"entities":{"SECRET":"block","CREDIT_CARD":"mask","EMAIL_ADDRESS":"pseudonymise","RU_INN":{"do":"hash","threshold":0.6,"not_to":["openai"]}},
    "custom":[{"name":"CONTRACT","patterns":["\\bC-\\d{4,6}\\b"],"context":["contract"]}],"default":"redact"},
    "tests":[{"given":"My card is 4111 1111 1111 1111","expect":"My card is **** **** **** 1111"},
             {"given":"key ghp_0123456789abcdefghijABCDEFGHIJ012345","expect":{"blocked":"SECRET"}},
             {"given":"write to maria@bank.ru","expect":{"lacks":["maria"],"contains":["example"]}},
             {"given":"write to maria@bank.ru","expect":{"lacks":"maria","contains":"example"}}]})"),
            "");
}

TEST(PolicyKind, TakesDetectors) {
  EXPECT_EQ(faults(R"({"privacy":{"time_limit":"5s","entities":{"MEDICAL_CONDITION":"redact"},"detectors":[
    {"url":"http://127.0.0.1:5002/analyze","entities":["PERSON","MEDICAL_CONDITION"],"language":"en","headers":{"authorization":"secret:presidio"}},
    {"model":"tagger","entities":["MEDICAL_CONDITION"]},{"model":"small","entities":["PERSON"],"providers":["openai"]}]}})"),
            "");
  std::string secrets;
  for (
      const resources::SecretReference& one : policy_kind().secrets(
          json::parse(
              R"({"privacy":{"detectors":[{"model":"m"},{"url":"u","headers":{"x/a":"secret:presidio","x-b":"env:B"}}]}})")
              ->as_object()))
    secrets += one.pointer + " " + one.name + "; ";
  EXPECT_EQ(secrets, "/privacy/detectors/1/headers/x~1a presidio; ");
}

TEST(PolicyKind, SaysWhatIsWrong) {
  const struct {
    const char *spec, *fault;
  } cases[] = {
      {R"({"privacy":{"entities":{"CREDITCARD":"mask"}}})",
       "/privacy/entities/CREDITCARD: there is no entity `CREDITCARD`. Did you mean `CREDIT_CARD`?"},
      {R"({"privacy":{"entities":{"PERSOM":"mask"}}})", "there is no entity `PERSOM`"},
      {R"({"applies":{"prompts":["suport-reply"]},"privacy":{}})",
       "/applies/prompts/0: prompt `suport-reply` does not exist. Did you mean"},
      {R"({"privacy":{"default":{"do":"pass","not_to":["azure"]}}})",
       "/privacy/default/not_to/0: provider `azure` does not exist"},
      {R"({"privacy":{"default":{"do":"hash","keep":3}}})", "/privacy/default/keep: has no meaning beside `do: hash`"},
      {R"({"privacy":{"default":{"do":"pseudonymise","direction":"both"}}})", "/privacy/default/direction"},
      {R"({"privacy":{"default":{"do":"mask","with":"xx"}}})", "/privacy/default/with: must be one character"},
      {R"({"privacy":{"time_limit":"0ms"}})", "/privacy/time_limit"},
      {R"({"privacy":{"time_limit":"11m"}})", "/privacy/time_limit: must be at most 10m"},
      {R"({"privacy":{"custom":[{"name":"X","patterns":["(a+)+"]}],"entities":{"X":"mask"}}})", "/privacy"},
      {R"({"privacy":{"custom":[{"nam":"X"}]}})", "/privacy/custom"},
      {R"({"privacy":{"detectors":[{"entities":["X"]}]}})", "/privacy/detectors/0: must have either `url`"},
      {R"({"privacy":{"detectors":[{"url":"ftp://x","entities":["X"]}]}})",
       "/privacy/detectors/0/url: must begin with"},
      {R"({"privacy":{"detectors":[{"url":"http://u:pw@x/","entities":["X"]}]}})", "/privacy/detectors/0/url"},
      {R"({"privacy":{"detectors":[{"url":"http://x/","entities":["X"],"providers":["openai"]}]}})",
       "/privacy/detectors/0/providers: has no meaning beside `url`"},
      {R"({"privacy":{"detectors":[{"url":"http://x/","entities":["X"],"headers":{"authorization":"Bearer abc"}}]}})",
       "/privacy/detectors/0/headers/authorization: must not hold the credential itself"},
      {R"({"privacy":{"time_limit":"5s","detectors":[{"model":"taggr","entities":["X"]}]}})",
       "/privacy/detectors/0/model: model `taggr` does not exist. Did you mean `tagger`?"},
      {R"({"privacy":{"time_limit":"5s","detectors":[{"model":"small","entities":["X"]}]}})",
       "/privacy/detectors/0/model: model `small` has a route to provider `openai`, which would see what the policy "
       "hides"},
      {R"({"privacy":{"detectors":[{"model":"tagger","entities":["X"]}]}})", "such as `time_limit: 10s`"},
      {R"({"privacy":{"detectors":[{"url":"http://x/","entities":["X"]}],"entities":{"X":{"do":"mask","direction":"both"}}}})",
       "/privacy/entities/X/direction: has no meaning for what only `detectors` find"},
      {R"({"privacy":{"entities":{"CREDIT_CARD":"mask"}},"tests":[{"given":"4111 1111 1111 1111","expect":"x"}]})",
       "/tests/0/expect: the test does not pass: it came out as `**** **** **** 1111`"},
      {R"({"privacy":{"entities":{"CREDIT_CARD":"mask"}},"tests":[{"given":"4111 1111 1111 1111","expect":{"lacks":"1111"}}]})",
       "/tests/0/expect/lacks: the test does not pass: it came out as `**** **** **** 1111`"},
      {R"({"privacy":{"entities":{"CREDIT_CARD":"block"}},"tests":[{"given":"4111 1111 1111 1111","expect":"x"}]})",
       "it was blocked for CREDIT_CARD"},
      {R"({"privacy":{"entities":{"CREDIT_CARD":"mask"}},"tests":[{"given":"a","expect":{"blocked":"CREDIT_CARD"}}]})",
       "/tests/0/expect/blocked"},
  };
  for (const auto& one : cases) EXPECT_THAT(faults(one.spec), HasSubstr(one.fault)) << one.spec;
}

TEST(PolicyKind, ItsSchemaIsOne) {
  EXPECT_TRUE(json::parse(policy_kind().schema));
}

}  // namespace
}  // namespace fairlead::policy

// Detectors that are plugged in beside the built-in ones.
#include "safety/policy/detectors.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <deque>

#include "platform/json/text.h"
#include "safety/policy/internal/treatment.h"
#include "safety/policy/tests/fake_detector.h"
#include "safety/policy/tests/support.h"

namespace fairlead::policy {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

using tests::FakeDetector;
using tests::spec_of;

// "PERSON:Иван 0.85 …"
std::string shown(const Result<std::vector<Found>>& found, std::string_view text) {
  if (!found) return found.error().message;
  std::string out;
  for (const Found& one : *found)
    out += std::string(one.entity) + ":" + std::string(text.substr(one.start, one.end - one.start)) + " " +
           std::to_string(one.score).substr(0, 4) + "; ";
  return out;
}

TEST(AnswersOfServices, AreReadInBothForms) {
  const DetectorSpec spec = spec_of({"PERSON", "MEDICAL_CONDITION"});
  const std::string text = "У Ивана 😀 астма";
  EXPECT_EQ(
      shown(
          read_spans(
              R"([{"analysis_explanation":null,"end":7,"entity_type":"PERSON","score":0.85,"start":2,"recognition_metadata":{}},
                    {"start":10,"end":15,"entity_type":"MEDICAL_CONDITION"},{"start":0,"end":999,"entity_type":"LOCATION","score":1}])",
              text, spec),
          text),
      "PERSON:Ивана 0.85; MEDICAL_CONDITION:астма 1.00; ")
      << "what was not asked for is left out, a score that is not said is 1";
  EXPECT_EQ(shown(read_spans(R"({"spans":[{"start":8,"end":15,"entity":"PERSON","score":7},
                                          {"start":8,"end":9,"entity":"PERSON","score":0.5,"why":"x"},
                                          {"start":2,"end":15,"entity":"PERSON","score":0.5}]})",
                             text, spec),
                  text),
            "PERSON:Ивана 😀 астма 0.50; PERSON:😀 астма 1.00; PERSON:😀 0.50; ")
      << "they come in the order of their beginnings";
  EXPECT_EQ(shown(read_spans("[]", text, spec), text), "");
}

TEST(AnswersOfServices, ThatMakeNoSenseAreErrors) {
  const DetectorSpec spec = spec_of({"PERSON"});
  for (const char* const answer :
       {"", "null", "<html>", "{}", R"({"spans":{}})", "[1]", "[{}]", R"([{"entity_type":1,"start":0,"end":1}])",
        R"([{"entity_type":"PERSON","start":0,"end":4}])", R"([{"entity_type":"PERSON","start":-1,"end":2}])",
        R"([{"entity_type":"PERSON","start":1,"end":1}])", R"([{"entity_type":"PERSON","start":0.5,"end":1}])",
        R"([{"entity_type":"PERSON","end":1}])", R"([{"entity_type":"PERSON","start":0,"end":1,"score":"high"}])",
        R"([{"entity_type":"PERSON","start":9223372036854775806,"end":9223372036854775807}])"}) {
    const auto found = read_spans(answer, "Яна", spec);
    ASSERT_FALSE(found) << answer;
    EXPECT_EQ(found.error().code, "detector_invalid");
    EXPECT_THAT(found.error().message, Not(HasSubstr("Яна")));
  }
}

Result<std::vector<Found>> quoted(const std::string& answer, std::string_view text, const DetectorSpec& spec) {
  return read_quotes({&answer, 1}, text, spec);
}

TEST(AnswersOfModels, AreFoundAgainInTheText) {
  DetectorSpec spec = spec_of({"PERSON", "MEDICAL_CONDITION"});
  const std::string text = "Anna May may come. ANNA  MAY, Annabel, Maya: diabetes type 2.";
  EXPECT_EQ(shown(quoted(R"({"found":[{"entity":"PERSON","text":" Anna May "},{"entity":"PERSON","text":"Peter"},
                             {"entity":"MEDICAL_CONDITION","text":"Diabetes type 2"},{"entity":"PERSON","text":" "},
                             {"entity":"GPE","text":"come"}]})",
                         text, spec),
                  text),
            "PERSON:Anna May 0.85; PERSON:ANNA  MAY 0.85; MEDICAL_CONDITION:diabetes type 2 0.85; ");
  for (const char* const answer : {"", "[]", "{}", R"({"found":[{"entity":"PERSON"}]})", R"({"found":["Anna"]})"})
    EXPECT_FALSE(quoted(answer, text, spec)) << answer;
}

TEST(AnswersOfModels, CountEachByItself) {
  DetectorSpec spec = spec_of({"PERSON", "MEDICAL_CONDITION", "GPE"});
  const std::string text = "Anna May Day. May\u00a0Day, Anna";
  const std::string twice = R"({"found":[{"entity":"PERSON","text":"Anna"},{"entity":"GPE","text":"anna"}]})";
  EXPECT_EQ(shown(quoted(twice, text, spec), text),
            "PERSON:Anna 0.85; GPE:Anna 0.85; PERSON:Anna 0.85; GPE:Anna 0.85; ")
      << "what is quoted as two things is both";
  const std::string crossing = R"({"found":[{"entity":"PERSON","text":"Anna May"},{"entity":"GPE","text":"May Day"}]})";
  EXPECT_EQ(shown(quoted(crossing, text, spec), text),
            "PERSON:Anna May 0.85; GPE:May Day 0.85; GPE:May\u00a0Day 0.85; ");
  const std::string within = R"({"found":[{"entity":"PERSON","text":"Anna May"},{"entity":"PERSON","text":"May Day"},
                                          {"entity":"PERSON","text":"May"},{"entity":"GPE","text":"May"}]})";
  EXPECT_EQ(shown(quoted(within, text, spec), text),
            "PERSON:Anna May Day 0.85; GPE:May 0.85; PERSON:May\u00a0Day 0.85; GPE:May 0.85; ")
      << "what overlaps of one entity is one";
  const std::string answers[] = {R"({"found":[{"entity":"GPE","text":"Day"}]})",
                                 R"({"found":[{"entity":"GPE","text":"DAY"},{"entity":"PERSON","text":"day"}]})"};
  EXPECT_EQ(shown(read_quotes(answers, "Day", spec), "Day"), "GPE:Day 0.85; PERSON:Day 0.85; ");
}

class Asked : public ::testing::Test {
 protected:
  Asked() : runtime(1) { runtime.start(); }

 public:
  ~Asked() override { runtime.stop(); }

 protected:
  template <class T>
  T await(async::Task<T> task) {
    return boost::asio::co_spawn(runtime.loop(0).executor(), std::move(task), boost::asio::use_future).get();
  }
  static async::Task<Answers> ask_in_time(std::span<const std::shared_ptr<Plugged>> detectors,
                                          std::span<TextJob* const> jobs, async::Loop& loop, SteadyTime deadline) {
    async::Cancellation cancellation;
    Answers answers = co_await ask_all(detectors, jobs, {loop, cancellation, deadline});
    co_return answers;
  }
  Answers ask(std::vector<std::shared_ptr<Plugged>> detectors, std::vector<TextJob>& jobs,
              SteadyTime deadline = SteadyTime::max()) {
    std::vector<TextJob*> all;
    for (TextJob& job : jobs) all.push_back(&job);
    return await(ask_in_time(detectors, all, runtime.loop(0), deadline));
  }
  async::Runtime runtime;
};

TEST_F(Asked, EachAboutEachTextButNames) {
  const auto one = std::make_shared<FakeDetector>(spec_of({"MEDICAL_CONDITION"}));
  const auto other = std::make_shared<FakeDetector>(spec_of({"PERSON"}));
  other->word = "Ann";
  std::vector<TextJob> jobs(20);
  for (TextJob& job : jobs) job.text = "Ann has asthma";
  jobs[3].text = "  \n";
  jobs[4].is_name = true;
  const Answers answers = ask({one, other}, jobs);
  EXPECT_EQ(one->asked, 18);
  EXPECT_EQ(other->asked, 18);
  EXPECT_THAT(answers.unanswered, IsEmpty());
  ASSERT_EQ(answers.found.size(), 20U);
  EXPECT_EQ(answers.found[19].size(), 2U);
  EXPECT_THAT(answers.found[3], IsEmpty());
  EXPECT_THAT(answers.found[4], IsEmpty());
}

TEST_F(Asked, OnceIfItFailsAndTheOthersAllTheSame) {
  const auto broken = std::make_shared<FakeDetector>(spec_of({"PERSON"}));
  broken->fails = true;
  DetectorSpec second = spec_of({"MEDICAL_CONDITION"});
  second.url = "http://127.0.0.1:9001/";
  const auto good = std::make_shared<FakeDetector>(second);
  std::vector<TextJob> jobs(3);
  for (TextJob& job : jobs) job.text = "asthma";
  const Answers answers = ask({broken, good}, jobs);
  EXPECT_EQ(broken->asked, 1);
  EXPECT_EQ(good->asked, 3);
  EXPECT_THAT(answers.unanswered, ElementsAre(Pair("127.0.0.1:9000", "upstream_unreachable")));
  EXPECT_EQ(answers.found[2].size(), 1U);
}

TEST_F(Asked, EachByItselfThoughTwoHaveOneAddress) {
  const auto broken = std::make_shared<FakeDetector>(spec_of({"PERSON"}));
  broken->fails = true;
  const auto good = std::make_shared<FakeDetector>(spec_of({"MEDICAL_CONDITION"}));
  std::vector<TextJob> jobs(2);
  for (TextJob& job : jobs) job.text = "asthma";
  const Answers answers = ask({broken, good}, jobs);
  EXPECT_EQ(good->asked, 2);
  EXPECT_EQ(answers.found[1].size(), 1U);
  EXPECT_THAT(answers.unanswered, ElementsAre(Pair("127.0.0.1:9000", "upstream_unreachable")));
}

// An upstream's error may quote what it was sent, and a path may be a secret.
TEST_F(Asked, LogsNoWordsOfErrorsAndNoPaths) {
  const auto fake = std::make_shared<FakeDetector>(spec_of({"MEDICAL_CONDITION"}));
  fake->fails = true;
  std::vector<TextJob> jobs(1);
  jobs[0].text = "Ann has asthma";
  ::testing::internal::CaptureStderr();
  ask({remembering(fake, 1)}, jobs);
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("upstream_unreachable"));
  EXPECT_THAT(log, HasSubstr("127.0.0.1:9000"));
  EXPECT_THAT(log, Not(HasSubstr("nobody is there")));
  EXPECT_THAT(log, Not(HasSubstr("/analyze")));
}

TEST_F(Asked, NotLongerThanThereIsTime) {
  const auto slow = std::make_shared<FakeDetector>(spec_of({"PERSON"}));
  slow->waits = true;
  std::vector<TextJob> jobs(1);
  jobs[0].text = "Ann";
  const SteadyTime begun = tests::test_clock().steady();
  const Answers answers = ask({slow}, jobs, begun + 30ms);
  const auto took = tests::test_clock().steady() - begun;
  EXPECT_THAT(answers.unanswered, ElementsAre(Pair("127.0.0.1:9000", "time_limit")));
  EXPECT_GE(took, 30ms);
  EXPECT_LT(took, 2s) << "it waits ten seconds if nobody tells it";
}

TEST_F(Asked, OnceAboutTheSameText) {
  const auto fake = std::make_shared<FakeDetector>(spec_of({"MEDICAL_CONDITION"}));
  const auto kept = remembering(fake, 1);
  std::vector<TextJob> jobs(1);
  jobs[0].text = "asthma";
  ask({kept}, jobs);
  const Answers again = ask({kept}, jobs);
  EXPECT_EQ(fake->asked, 1);
  ASSERT_EQ(again.found[0].size(), 1U);
  EXPECT_EQ(again.found[0][0].entity, "MEDICAL_CONDITION");
  jobs[0].text = "asthma again";
  fake->fails = true;
  ask({kept}, jobs);
  ask({kept}, jobs);
  EXPECT_EQ(fake->asked, 3) << "what failed is asked again";
}

// An HTTP client that answers as it is told.
class FakeResponse final : public http::ClientResponse {
 public:
  FakeResponse(int status, std::string body) : status_(status), body_(std::move(body)) {}
  int status() const override { return status_; }
  std::span<const http::Header> headers() const override { return {}; }
  async::Task<Result<std::string_view>> read() override { co_return std::string_view(); }
  async::Task<Result<std::string>> read_all(std::size_t) override { co_return body_; }
  void dismiss() override {}

 private:
  int status_;
  std::string body_;
};

class FakeClient final : public http::Client {
 public:
  async::Task<Result<std::unique_ptr<http::ClientResponse>>> send(const http::Origin& origin,
                                                                  http::ClientRequest request,
                                                                  async::Cancellation&) override {
    sent = origin.host_header + origin.prefix + std::string(request.target) + " " + std::string(request.header_lines) +
           std::string(request.body);
    co_return std::make_unique<FakeResponse>(status, body);
  }
  std::string sent, body = "[]";
  int status = 200;
};

class FakeModels final : public llm::Client {
 public:
  async::Task<std::expected<llm::ClientAnswer, llm::ClientError>> ask(llm::ClientCall call, async::Loop&,
                                                                      async::Cancellation&) override {
    calls.push_back(call);
    if (text.empty())
      co_return std::unexpected(llm::ClientError{{ErrorKind::kUnavailable, "model_unavailable", "gone"}, "", 0});
    llm::ClientAnswer answer;
    answer.text = text;
    co_return answer;
  }
  std::vector<llm::ClientCall> calls;
  std::string text;
};

class Made : public Asked {
 protected:
  std::shared_ptr<Plugged> make(const DetectorSpec& spec) {
    parts = {.client = [this](async::Loop&) -> http::Client& { return client; },
             .models = [this]() -> llm::Client& { return models; },
             .credentials =
                 [](const std::string& project) {
                   return access::CredentialSources{
                       .environment = [project](std::string_view name) -> std::optional<std::string> {
                         if (name != "TOKEN") return std::nullopt;
                         return "Bearer of " + project;
                       }};
                 }};
    auto made = make_plugged("team", "customers", spec, parts);
    error = made ? "" : made.error().message;
    return made ? *made : nullptr;
  }
  DetectorParts parts;
  FakeClient client;
  FakeModels models;
  std::string error;
};

TEST_F(Made, ServicesAreAskedAsPresidioIs) {
  DetectorSpec spec = spec_of({"PERSON"});
  spec.language = "ru";
  spec.headers = {{"authorization", "env:TOKEN"}, {"x-team", "support"}};
  const auto service = make(spec);
  ASSERT_NE(service, nullptr) << error;
  client.body = R"([{"entity_type":"PERSON","start":0,"end":3,"score":0.85}])";
  std::vector<TextJob> jobs(1);
  jobs[0].text = "Яна \"тут\"";
  const Answers answers = ask({service}, jobs);
  EXPECT_EQ(client.sent,
            "127.0.0.1:9000/analyze authorization: Bearer of team\r\nx-team: support\r\n"
            R"({"text":"Яна \"тут\"","language":"ru"})");
  ASSERT_EQ(answers.found[0].size(), 1U);
  EXPECT_EQ(answers.found[0][0].end, 6U);
  client.status = 500;
  client.body = "Яна was here";
  jobs[0].text = "another";
  EXPECT_THAT(ask({service}, jobs).unanswered, ElementsAre(Pair("127.0.0.1:9000", "upstream_error")));
}

TEST_F(Made, WithoutItsCredentialNoServiceIs) {
  DetectorSpec spec = spec_of({"PERSON"});
  spec.headers = {{"authorization", "env:NONE"}};
  EXPECT_EQ(make(spec), nullptr);
  EXPECT_THAT(error, HasSubstr("The detector `127.0.0.1:9000` of policy `customers` takes a credential "
                               "from the environment variable NONE, which is not set"));
}

TEST_F(Made, ModelsAreAskedInConfidence) {
  DetectorSpec spec;
  spec.model = "pii-tagger";
  spec.entities = {"PERSON", "MEDICAL_CONDITION"};
  spec.providers = {"gpu-box"};
  const auto model = make(spec);
  ASSERT_NE(model, nullptr) << error;
  models.text = R"({"found":[{"entity":"PERSON","text":"Яна"}]})";
  std::vector<TextJob> jobs(1);
  std::string text;
  while (text.size() < 4'000) text += "длинный рассказ ни о ком, ";
  text += "и пришла Яна.";
  jobs[0].text = text;
  const Answers answers = ask({model}, jobs);
  ASSERT_EQ(models.calls.size(), 3U) << "a long text is told in parts";
  const llm::ClientCall& call = models.calls.front();
  EXPECT_EQ(call.project, "team");
  EXPECT_EQ(call.model, "model:pii-tagger");
  ASSERT_TRUE(call.in_confidence);
  EXPECT_THAT(*call.in_confidence, ElementsAre("gpu-box"));
  EXPECT_THAT(call.messages, HasSubstr("MEDICAL_CONDITION (medical condition)"));
  EXPECT_TRUE(json::parse(call.messages));
  const auto parameters = json::parse(call.parameters);
  ASSERT_TRUE(parameters);
  EXPECT_THAT(call.parameters, HasSubstr(R"("enum":["PERSON","MEDICAL_CONDITION"])"));
  std::string told;
  for (const llm::ClientCall& one : models.calls) told += one.messages;
  EXPECT_THAT(told, HasSubstr("пришла Яна"));
  ASSERT_FALSE(answers.found[0].empty());
  EXPECT_EQ(text.substr(answers.found[0][0].start, answers.found[0][0].end - answers.found[0][0].start), "Яна");
  models.text.clear();
  jobs[0].text = "other";
  EXPECT_THAT(ask({model}, jobs).unanswered, ElementsAre(Pair("pii-tagger", "model_unavailable")));
}

// A megabyte without a space, of which the model quotes much: a text is gone through once, not once a question.
TEST_F(Made, ModelsAreAskedAboutLongTextsInNoTime) {
  DetectorSpec spec;
  spec.model = "pii-tagger";
  spec.entities = {"PERSON"};
  const auto model = make(spec);
  ASSERT_NE(model, nullptr) << error;
  models.text = R"({"found":[)";
  for (int i = 0; i < 90; ++i) models.text += R"({"entity":"PERSON","text":"-a-a-a-)" + std::to_string(i) + "\"},";
  models.text += R"({"entity":"PERSON","text":"a"}]})";
  std::string text;
  while (text.size() < 1'000'000) text += "a-";
  std::vector<TextJob> jobs(1);
  jobs[0].text = text;
  const SteadyTime begun = tests::test_clock().steady();
  const Answers answers = ask({model}, jobs);
  EXPECT_LT(tests::test_clock().steady() - begun, 10s);
  EXPECT_GT(models.calls.size(), 600U);
  EXPECT_EQ(answers.found[0].size(), 500'000U);
}

// Rules with detectors of whom only the names matter.
std::shared_ptr<const Rules> rules_with_detectors(const std::string& privacy) {
  const Definition one = tests::definition(R"({"privacy":)" + privacy + "}");
  const Definition* const all[] = {&one, &one};
  auto out = Rules::create(all, [](const std::string&, const DetectorSpec& spec) -> Result<std::shared_ptr<Plugged>> {
    return std::make_shared<FakeDetector>(spec);
  });
  return out ? *std::move(out) : nullptr;
}

TEST(RulesOfDetectors, AreThoseOfAllEntities) {
  const auto rules = rules_with_detectors(
      R"({"detectors":[{"url":"http://a/x","entities":["MEDICAL_CONDITION","PERSON"]},{"url":"http://b/x","entities":["OTHER"]}],
          "entities":{"MEDICAL_CONDITION":{"do":"redact","threshold":0.6},"EMAIL_ADDRESS":"replace","OTHER":"pass"}})");
  ASSERT_NE(rules, nullptr);
  ASSERT_EQ(rules->detectors.size(), 1U)
      << "one that two policies plug in is one; one that nothing comes of is not asked";
  ASSERT_NE(rules->scanner, nullptr);
  const std::string text = "asthma, a@b.com";
  const auto made = [&](double score, std::string_view entity, std::size_t end) {
    const Found found[] = {{0, end, entity, score, "fake"}};
    return explain(*rules, text, "default", tests::test_keys(), tests::test_clock(), found).text;
  };
  EXPECT_EQ(made(0.8, "MEDICAL_CONDITION", 6), ", <EMAIL_ADDRESS>");
  EXPECT_EQ(made(0.5, "MEDICAL_CONDITION", 6), "asthma, <EMAIL_ADDRESS>") << "under its threshold";
  EXPECT_EQ(made(0.8, "PERSON", 6), "asthma, <EMAIL_ADDRESS>") << "nothing is to be done about it";
  EXPECT_EQ(made(0.8, "MEDICAL_CONDITION", 10), "") << "what overlaps is one, under the stricter of two";
  EXPECT_EQ(made(0.8, "PERSON", 15), "asthma, <EMAIL_ADDRESS>") << "what passes takes nothing with it";
}

// A pseudonym that stands within a word, or without the space before it, would not be known again in the answer.
TEST(RulesOfDetectors, WhatTheyFindIsMadeWholeWords) {
  const auto rules = rules_with_detectors(
      R"({"detectors":[{"url":"http://a/x","entities":["MEDICAL_CONDITION"]}],"entities":{"MEDICAL_CONDITION":"replace"}})");
  ASSERT_NE(rules, nullptr);
  const std::string text = "Имеет \n астму\u00a0😀, и всё.";
  const auto made = [&](std::string_view part) {
    const std::size_t at = text.find(part);
    const Found found[] = {{at, at + part.size(), "MEDICAL_CONDITION", 0.8, "fake"}};
    return explain(*rules, text, "default", tests::test_keys(), tests::test_clock(), found).text;
  };
  const std::string astma = "Имеет \n <MEDICAL_CONDITION>\u00a0😀, и всё.";
  EXPECT_EQ(made("астму"), astma);
  EXPECT_EQ(made(" \n астму\u00a0"), astma);
  EXPECT_EQ(made("стм"), astma);
  EXPECT_EQ(made("\x81\xd1\x82\xd0"), astma) << "from the middle of a character to the middle of another";
  EXPECT_EQ(made("😀"), "Имеет \n астму\u00a0<MEDICAL_CONDITION>, и всё.");
  EXPECT_EQ(made(" \n "), text);
  const std::string quoted = "«да» Петров «нет»";
  const std::size_t mark = quoted.find("» "), end = quoted.find("нет");
  const Found found[] = {{mark, end, "MEDICAL_CONDITION", 0.8, "fake"}};
  EXPECT_EQ(explain(*rules, quoted, "default", tests::test_keys(), tests::test_clock(), found).text,
            "«да» <MEDICAL_CONDITION> «нет»")
      << "marks that touch another word are that word's";
  const Found marks[] = {{mark, quoted.find("Петров") - 1, "MEDICAL_CONDITION", 0.8, "fake"}};
  EXPECT_EQ(explain(*rules, quoted, "default", tests::test_keys(), tests::test_clock(), marks).text, quoted);
}

// The longest of texts may be one word, or nothing but spaces, and a detector may find much there.
TEST(RulesOfDetectors, FitWordsOfAnyLengthInNoTime) {
  const auto rules = rules_with_detectors(
      R"({"detectors":[{"url":"http://a/x","entities":["MEDICAL_CONDITION"]}],"entities":{"MEDICAL_CONDITION":"replace"}})");
  ASSERT_NE(rules, nullptr);
  for (const char sign : {'a', ' '}) {
    const std::string text = std::string(1'000'000, sign) + "-" + std::string(1'000'000, sign);
    std::vector<Found> found;
    for (std::size_t i = 0; i < 10'000; ++i)
      found.push_back({i, i % 2 == 0 ? i + 1 : 2'000'000 - i, "MEDICAL_CONDITION", 0.8, "fake"});
    TextJob job{.text = text};
    const SteadyTime begun = tests::test_clock().steady();
    add_found(*rules, job, std::move(found));
    EXPECT_LT(tests::test_clock().steady() - begun, 2s);
    ASSERT_EQ(job.found.size(), 1U);
    EXPECT_EQ(job.found[0].end - job.found[0].start, sign == 'a' ? text.size() : 1);
  }
}

// Where it may not go counts for all of it, whatever is done with the rest.
TEST(RulesOfDetectors, ResidencyIsThatOfAllThatWasFoundThere) {
  const auto rules = rules_with_detectors(
      R"({"detectors":[{"url":"http://a/x","entities":["MEDICAL_CONDITION","CLIENT","OTHER","FIFTH"]}],
          "entities":{"MEDICAL_CONDITION":{"do":"redact","not_to":["far"]},"CLIENT":{"do":"hash","not_to":["openai","far"]},
                      "OTHER":{"do":"pass","not_to":["groq"]},"FIFTH":{"do":"pass","not_to":["mistral"]}}})");
  ASSERT_NE(rules, nullptr);
  const std::string text = "asthma of Ann, and more";
  const auto made = [&](std::vector<Found> found) {
    return explain(*rules, text, "default", tests::test_keys(), tests::test_clock(), found);
  };
  const Explained both = made({{0, 6, "MEDICAL_CONDITION", 0.8, "x"}, {0, 13, "CLIENT", 0.8, "x"}});
  EXPECT_EQ(both.text, ", and more");
  EXPECT_THAT(both.not_to, ElementsAre("far", "openai"));
  EXPECT_THAT(made({{0, 13, "CLIENT", 0.8, "x"}, {0, 6, "MEDICAL_CONDITION", 0.8, "x"}}).not_to,
              ElementsAre("far", "openai"));
  const Explained passing = made({{0, 6, "MEDICAL_CONDITION", 0.8, "x"}, {0, 13, "OTHER", 0.8, "x"}});
  EXPECT_EQ(passing.text, " of Ann, and more") << "what passes takes nothing with it";
  EXPECT_THAT(passing.not_to, ElementsAre("far", "groq"));
  const Explained alone = made({{0, 9, "OTHER", 0.8, "x"}, {7, 13, "FIFTH", 0.8, "x"}, {19, 23, "CLIENT", 0.8, "x"}});
  EXPECT_THAT(alone.text, ::testing::StartsWith("asthma of Ann, and <CLIENT:"));
  EXPECT_THAT(alone.not_to, ElementsAre("far", "groq", "mistral", "openai"));
  EXPECT_EQ(alone.spans.size(), 2U);
}

TEST(RulesOfDetectors, AloneNeedNoScanner) {
  const auto rules = rules_with_detectors(
      R"({"detectors":[{"url":"http://a/x","entities":["MEDICAL_CONDITION"]}],"entities":{"MEDICAL_CONDITION":"replace"}})");
  ASSERT_NE(rules, nullptr);
  EXPECT_EQ(rules->scanner, nullptr);
  EXPECT_EQ(rules->detectors.size(), 1U);
  const Found found[] = {{0, 6, "MEDICAL_CONDITION", 0.8, "fake"}};
  EXPECT_EQ(explain(*rules, "asthma a@b.com", "default", tests::test_keys(), tests::test_clock(), found).text,
            "<MEDICAL_CONDITION> a@b.com");
}

TEST(RulesOfDetectors, GoByTheDefaultToo) {
  const auto rules = rules_with_detectors(
      R"({"detectors":[{"url":"http://a/x","entities":["MEDICAL_CONDITION"]}],"default":"replace"})");
  ASSERT_NE(rules, nullptr);
  ASSERT_NE(rules->scanner, nullptr);
  const Found found[] = {{0, 6, "MEDICAL_CONDITION", 0.8, "fake"}};
  EXPECT_EQ(explain(*rules, "asthma a@b.com", "default", tests::test_keys(), tests::test_clock(), found).text,
            "<MEDICAL_CONDITION> <EMAIL_ADDRESS>");
}

}  // namespace
}  // namespace fairlead::policy

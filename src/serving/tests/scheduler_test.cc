#include "serving/internal/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>

namespace fairlead::serving {
namespace {

using testing::ElementsAre;

// A model of bytes: it keeps what each sequence holds, and checks that it is used as a cache can be used.
class FakeDecoder final : public Decoder {
 public:
  explicit FakeDecoder(DecoderLimits limits) : limits_(limits) {}
  const DecoderLimits& limits() const override { return limits_; }

  Result<void> decode(std::span<const Item> items) override {
    EXPECT_LE(items.size(), static_cast<std::size_t>(limits_.batch));
    sizes.push_back(static_cast<int>(items.size()));
    if (broken) {
      for (const Item& item : items) held[item.sequence].clear();
      return fail(ErrorKind::kInternal, "decode_failed", "the fake is broken");
    }
    for (const Item& item : items) {
      auto& sequence = held[item.sequence];
      EXPECT_EQ(static_cast<std::size_t>(item.position), sequence.size()) << "sequence " << item.sequence;
      sequence.push_back(item.token);
      EXPECT_LE(sequence.size(), static_cast<std::size_t>(limits_.context));
    }
    return {};
  }
  std::span<const float> logits(int) override { return scores; }
  bool keep(int sequence, int length) override {
    EXPECT_LE(static_cast<std::size_t>(length), held[sequence].size());
    held[sequence].resize(static_cast<std::size_t>(length));
    return true;
  }
  void share(int from, int to, int length) override {
    EXPECT_TRUE(held[to].empty());
    ASSERT_LE(static_cast<std::size_t>(length), held[from].size());
    held[to].assign(held[from].begin(), held[from].begin() + length);
  }

  std::map<int, std::vector<Token>> held;
  std::vector<int> sizes;
  std::vector<float> scores = std::vector<float>(256, 0.0F);
  bool broken = false;

 private:
  DecoderLimits limits_;
};

// Says a text, a byte a token, and then the end.
class Reciter final : public Sampler {
 public:
  explicit Reciter(std::string text) : text_(std::move(text)) {}
  Token sample(int) override { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_++]) : 0; }
  bool ends_answer(Token token) const override { return token == 0; }
  void append_text(Token token, std::string& out) const override { out += static_cast<char>(token); }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

class Notes final : public Listener {
 public:
  void on_piece(Piece piece) override {
    text[piece.choice] += piece.text;
    if (piece.finish != Finish::kNone) finish[piece.choice] = piece.finish;
    tokens[piece.choice] = piece.tokens;
    for (auto& entry : piece.logprobs) logprobs.push_back(std::move(entry));
    ++pieces;
  }
  std::map<int, std::string> text;
  std::map<int, Finish> finish;
  std::map<int, int> tokens;
  std::vector<TokenLogprob> logprobs;
  int pieces = 0;
};

std::vector<Token> prompt_of(std::string_view text) {
  return {text.begin(), text.end()};
}

std::shared_ptr<Generation> generation(std::vector<Token> prompt, std::string answer, int choices = 1) {
  auto out = std::make_shared<Generation>();
  out->prompt = std::move(prompt);
  out->choices = choices;
  out->make_sampler = [answer](int) { return std::make_unique<Reciter>(answer); };
  out->listener = std::make_shared<Notes>();
  return out;
}

Notes& notes(const std::shared_ptr<Generation>& generation) {
  return static_cast<Notes&>(*generation->listener);
}

struct SchedulerTest : testing::Test {
  FakeDecoder decoder{DecoderLimits{.sequences = 2, .context = 64, .batch = 32, .partial = true}};
  Scheduler scheduler{decoder, Scheduler::Options{.queue = 3, .step_budget = std::chrono::microseconds(1)}};

  std::shared_ptr<Generation> submit(std::shared_ptr<Generation> made) {
    EXPECT_TRUE(scheduler.submit(made).has_value());
    return made;
  }
  void run_all() {
    for (int i = 0; i < 1000 && scheduler.step(); ++i) {
    }
  }
};

TEST_F(SchedulerTest, AnswersOneRequest) {
  const auto one = submit(generation(prompt_of("hello"), "world"));
  run_all();
  EXPECT_EQ(notes(one).text[0], "world");
  EXPECT_EQ(notes(one).finish[0], Finish::kStop);
  EXPECT_EQ(notes(one).tokens[0], 6);  // the end of the answer is a token too
}

TEST_F(SchedulerTest, AnswersTogetherWhatComesTogether) {
  const auto one = submit(generation(prompt_of("aaaa"), "11111111"));
  const auto two = submit(generation(prompt_of("bbbb"), "22222222"));
  scheduler.step();
  scheduler.step();
  EXPECT_EQ(decoder.sizes.back(), 2);
  EXPECT_EQ(notes(one).text[0].size(), 2U);
  EXPECT_EQ(notes(two).text[0].size(), 2U);
  run_all();
  EXPECT_EQ(notes(one).text[0], "11111111");
  EXPECT_EQ(notes(two).text[0], "22222222");
}

TEST_F(SchedulerTest, ALongPromptDoesNotHoldUpARunningAnswer) {
  const auto quick = submit(generation(prompt_of("q"), std::string(40, 'x')));
  scheduler.step();
  const auto slow = submit(generation(prompt_of(std::string(60, 'p')), "y"));
  std::size_t before = notes(quick).text[0].size();
  for (int i = 0; i < 3; ++i) {
    scheduler.step();
    EXPECT_EQ(notes(quick).text[0].size(), ++before) << "a token a step, whatever is read beside it";
    EXPECT_LE(decoder.sizes.back(), 32);
  }
  run_all();
  EXPECT_EQ(notes(slow).text[0], "y");
}

TEST_F(SchedulerTest, ReusesTheBeginningOfAnEarlierPrompt) {
  submit(generation(prompt_of("system: be kind. user: hi"), "a"));
  run_all();
  const auto next = submit(generation(prompt_of("system: be kind. user: bye"), "b"));
  run_all();
  EXPECT_EQ(next->cached_tokens, 23);
  EXPECT_EQ(notes(next).text[0], "b");
}

TEST_F(SchedulerTest, RunsTheLastTokenOfAPromptThatIsAllInTheCache) {
  submit(generation(prompt_of("same"), "a"));
  run_all();
  const auto again = submit(generation(prompt_of("same"), "b"));
  run_all();
  EXPECT_EQ(again->cached_tokens, 3);
  EXPECT_EQ(notes(again).text[0], "b");
}

TEST_F(SchedulerTest, ASeededRequestReusesNothingOfOthers) {
  submit(generation(prompt_of("same prompt"), "a"));
  run_all();
  auto seeded = generation(prompt_of("same prompt"), "b");
  seeded->reuse = false;
  submit(seeded);
  run_all();
  EXPECT_EQ(seeded->cached_tokens, 0);
}

TEST_F(SchedulerTest, ChoicesShareThePrompt) {
  const auto both = submit(generation(prompt_of("twenty tokens long.."), "ab", 2));
  run_all();
  EXPECT_EQ(notes(both).text[0], "ab");
  EXPECT_EQ(notes(both).text[1], "ab");
  const int run = std::accumulate(decoder.sizes.begin(), decoder.sizes.end(), 0);
  EXPECT_EQ(run, 20 + 1 + 2 * 2) << "the prompt once, its last token again for the second choice, two steps a choice";
}

TEST_F(SchedulerTest, MoreChoicesThanSequencesTakeTurns) {
  const auto many = submit(generation(prompt_of("p"), "abc", 5));
  run_all();
  for (int choice = 0; choice < 5; ++choice) EXPECT_EQ(notes(many).text[choice], "abc") << choice;
}

TEST_F(SchedulerTest, ACancelledAnswerGivesUpItsSequenceAtTheNextStep) {
  const auto one = submit(generation(prompt_of("a"), std::string(50, '1')));
  const auto two = submit(generation(prompt_of("b"), std::string(50, '2')));
  const auto waits = submit(generation(prompt_of("c"), "3"));
  scheduler.step();
  EXPECT_EQ(scheduler.load().running, 2);
  EXPECT_EQ(scheduler.load().waiting, 1);
  one->cancelled = true;
  const std::size_t before = notes(one).text[0].size();
  scheduler.step();
  EXPECT_EQ(notes(one).text[0].size(), before);
  EXPECT_EQ(notes(waits).text[0], "3");
  (void)two;
}

TEST_F(SchedulerTest, ACancelledRequestLeavesTheQueue) {
  submit(generation(prompt_of("a"), std::string(50, '1'), 2));
  scheduler.step();
  const auto waits = submit(generation(prompt_of("c"), "3"));
  waits->cancelled = true;
  scheduler.step();
  run_all();
  EXPECT_EQ(notes(waits).pieces, 0);
  EXPECT_EQ(scheduler.load().waiting, 0);
}

TEST_F(SchedulerTest, RefusesWhatTheQueueCannotHold) {
  for (int i = 0; i < 3; ++i) submit(generation(prompt_of("a"), "1"));
  const auto refused = scheduler.submit(generation(prompt_of("a"), "1"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(refused.error().code, "model_overloaded");
}

TEST_F(SchedulerTest, EndsAtMaxTokensAndAtTheEndOfTheContext) {
  auto few = generation(prompt_of("a"), std::string(50, '1'));
  few->max_tokens = 3;
  submit(few);
  const auto full = submit(generation(prompt_of(std::string(60, 'p')), std::string(50, '2')));
  run_all();
  EXPECT_EQ(notes(few).text[0], "111");
  EXPECT_EQ(notes(few).finish[0], Finish::kLength);
  EXPECT_EQ(notes(full).finish[0], Finish::kLength);
  EXPECT_EQ(notes(full).text[0].size(), 4U);
}

TEST_F(SchedulerTest, StopsAtAStopSequence) {
  auto one = generation(prompt_of("a"), "one two three");
  one->stops = {"o t"};
  submit(one);
  run_all();
  EXPECT_EQ(notes(one).text[0], "one tw");
  EXPECT_EQ(notes(one).finish[0], Finish::kStop);
}

TEST_F(SchedulerTest, LogProbabilitiesComeWithTheTextOfTheirTokens) {
  auto one = generation(prompt_of("a"), "abSTOP");
  one->stops = {"STOP"};
  one->top_logprobs = 2;
  decoder.scores['a'] = 5.0F;
  submit(one);
  run_all();
  ASSERT_EQ(notes(one).logprobs.size(), 2U);
  EXPECT_EQ(notes(one).logprobs[0].bytes, "a");
  EXPECT_EQ(notes(one).logprobs[1].bytes, "b");
  ASSERT_EQ(notes(one).logprobs[0].top.size(), 2U);
  EXPECT_EQ(notes(one).logprobs[0].top[0].first, "a");
  EXPECT_NEAR(notes(one).logprobs[0].logprob, 5.0 - std::log(std::exp(5.0) + 255.0), 1e-4);
}

TEST_F(SchedulerTest, AModelThatFailsEndsItsAnswersAndGoesOn) {
  const auto one = submit(generation(prompt_of("a"), "111", 2));
  decoder.broken = true;
  scheduler.step();
  scheduler.step();
  EXPECT_EQ(notes(one).finish[0], Finish::kFailed);
  EXPECT_EQ(notes(one).finish[1], Finish::kFailed);
  decoder.broken = false;
  const auto two = submit(generation(prompt_of("a"), "222"));
  run_all();
  EXPECT_EQ(notes(two).text[0], "222");
}

}  // namespace
}  // namespace fairlead::serving

// OpenAI's endpoints beside the chat: completions, embeddings, moderations.
#include "gateway/surfaces/completions.h"
#include "gateway/tests/harness.h"
#include "gateway/tests/mutations.h"

namespace fairlead::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<std::string> chat_of_completion_text(std::string text) {
  const std::size_t size = text.size();
  text.append(64, '\0');
  FAIRLEAD_TRY(const llm::RequestBody body, llm::RequestBody::parse({text.data(), size}));
  return chat_of_completion(body);
}

TEST(CompletionRequest, SaysTheSameAsAChat) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("prompt":"a")", R"({"model":"m","max_completion_tokens":16,"messages":[{"role":"user","content":"a"}]})"},
      {R"("prompt":["a"],"max_tokens":3)",
       R"({"model":"m","max_completion_tokens":3,"messages":[{"role":"user","content":"a"}]})"},
      {R"("prompt":"","n":2,"best_of":2,"echo":false,"suffix":null)",
       R"({"model":"m","n":2,"max_completion_tokens":16,"messages":[]})"},
      {R"("prompt":"a","logprobs":2,"stop":"x","seed":1)",
       R"({"model":"m","logprobs":true,"top_logprobs":2,"stop":"x","seed":1,"max_completion_tokens":16,)"
       R"("messages":[{"role":"user","content":"a"}]})"},
  };
  for (const auto& [members, chat] : cases)
    EXPECT_EQ(chat_of_completion_text(R"({"model":"m",)" + members + "}").value_or("?"), chat);
}

TEST(CompletionRequest, NamesWhatAChatCannotExpress) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("prompt":["a","b"])", "prompt"}, {R"("prompt":[1,2])", "prompt"},
      {R"("prompt":[[1]])", "prompt"},     {R"("prompt":7)", "prompt"},
      {R"("prompt":[])", "prompt"},        {R"("prompt":"a","echo":true)", "echo"},
      {R"("suffix":"s")", "suffix"},       {R"("best_of":3,"n":2)", "best_of"},
      {R"("logprobs":9)", "logprobs"},     {R"("use_beam_search":true)", "use_beam_search"}};
  for (const auto& [members, param] : cases) {
    const auto chat = chat_of_completion_text(R"({"model":"m",)" + members + "}");
    ASSERT_FALSE(chat) << members;
    EXPECT_EQ(chat.error().param, param);
  }
}

TEST(CompletionRequest, SurvivesWhatIsSentByMistake) {
  const std::string seeds[] = {
      R"({"model":"m","prompt":["a"],"n":2,"best_of":2,"echo":false,"suffix":"","logprobs":1,"stop":["x"],"max_tokens":5})"};
  const MutationReport report = parse_mutations(seeds, 11, 500ms, chat_of_completion_text);
  EXPECT_GT(report.accepted, 50u);
  EXPECT_EQ(report.fault, "");
}

class OpenAiSurfacesTest : public DataPlaneTest {
 public:
  Answer post(std::string path, std::string body) {
    return send(http::Method::kPost, std::move(path), std::move(body), "authorization: Bearer fl-caller\r\n");
  }
};

TEST_F(OpenAiSurfacesTest, AnswersACompletionWithAChat) {
  first_.deltas = {
      R"({"choices":[{"index":0,"message":{"content":"Hi é"},"finish_reason":"tool_calls","logprobs":{"content":[)"
      R"({"token":"Hi","logprob":-0.5,"top_logprobs":[{"token":"Hi","logprob":-0.5},{"token":"Ho","logprob":-2}]},)"
      R"({"token":" é","logprob":-1,"top_logprobs":[]}]}},{"index":1,"message":{"content":"B"},"finish_reason":"length"}]})"};
  const Answer answer = post("/v1/completions", R"({"model":"small","prompt":"a","n":2,"logprobs":2})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("choices":[{"index":0,"text":"Hi é","logprobs":{"tokens":["Hi"," é"],)"
                                     R"("token_logprobs":[-0.5,-1],"top_logprobs":[{"Hi":-0.5,"Ho":-2},{}],)"
                                     R"("text_offset":[0,2]},"finish_reason":"stop"},)"
                                     R"({"index":1,"text":"B","logprobs":null,"finish_reason":"length"}],)"
                                     R"("usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,)"));
  EXPECT_EQ(records_.only().operation, "text_completion");
}

TEST_F(OpenAiSurfacesTest, StreamsACompletionWithAChat) {
  first_.deltas = {
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"}}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"i\"}}]}\n\n",
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"};
  const Answer answer = post("/v1/completions",
                             R"({"model":"small","prompt":"a","stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_THAT(answer.body,
              HasSubstr(R"("choices":[{"index":0,"text":"H","logprobs":null,"finish_reason":null}],"usage":null})"));
  EXPECT_THAT(answer.body, HasSubstr(R"("text":"","logprobs":null,"finish_reason":"stop")"));
  EXPECT_TRUE(answer.body.ends_with("}}}\n\ndata: [DONE]\n\n")) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr(R"("choices":[],"usage":{"prompt_tokens":10)"));
}

TEST_F(OpenAiSurfacesTest, PassesACompletionOnToWhoSpeaksIt) {
  first_.formats = second_.formats = {llm::Format::kCompletions};
  const std::string body = R"({"model":"small","prompt":[1,2],"echo":true,"stream":true,"x":1})";
  first_.deltas = {"data: {\"a\":1}\n\n"};
  EXPECT_EQ(post("/v1/completions", body).body, "data: {\"a\":1}\n\ndata: [DONE]\n\n");
  EXPECT_EQ(first_.seen_native, body);
  first_.deltas = {"data: {\"a\":1}\r\n\r\n", "data: [DONE]\r\n\r\n"};
  EXPECT_EQ(post("/v1/completions", body).body, "data: {\"a\":1}\r\n\r\ndata: [DONE]\r\n\r\n");
  first_.deltas = {"data: {\"a\":1}\n\ndata: [DONE]\n\n", ""};
  EXPECT_EQ(post("/v1/completions", body).body, "data: {\"a\":1}\n\ndata: [DONE]\n\n");
  first_.deltas = {"data: {\"a\":1}\n\n", "data: [DONE]\n\n"};
  EXPECT_EQ(post("/v1/completions", body).body, "data: {\"a\":1}\n\ndata: [DONE]\n\n");
}

TEST_F(OpenAiSurfacesTest, PassesEmbeddingsOnAndRecordsThem) {
  second_.formats = {llm::Format::kEmbeddings};
  const std::string body = R"({"model":"small","input":[[1,2],[3]],"encoding_format":"base64","dimensions":2,"x":1})";
  second_.deltas = {R"({"object":"list","data":[]})"};
  const Answer answer = post("/v1/embeddings", body);
  EXPECT_EQ(answer.body, second_.deltas[0]);
  EXPECT_EQ(answer.headers.at("x-fairlead-provider"), "second");
  EXPECT_EQ(second_.seen_native, body);
  EXPECT_EQ(first_.seen_chat, "");
  const telemetry::CallRecord record = records_.only();
  EXPECT_EQ(record.operation, "embeddings");
  EXPECT_EQ(record.usage.input, 10);
  ASSERT_EQ(record.attempts.size(), 1u);
}

TEST_F(OpenAiSurfacesTest, ChecksEmbeddingsAndNamesTheField) {
  first_.formats = {llm::Format::kEmbeddings};
  const std::pair<std::string, std::string> cases[] = {
      {R"({"input":"a"})", "'model'"},
      {R"({"model":"small"})", "'input'"},
      {R"({"model":"small","input":""})", "'input'"},
      {R"({"model":"small","input":[]})", "'input'"},
      {R"({"model":"small","input":["a",""]})", "'input[1]'"},
      {R"({"model":"small","input":["a",7]})", "'input[1]'"},
      {R"({"model":"small","input":[7,"a"]})", "'input[1]'"},
      {R"({"model":"small","input":[[7],[]]})", "'input[1]'"},
      {R"({"model":"small","input":[[7],"a"]})", "'input[1]'"},
      {R"({"model":"small","input":[{}]})", "'input[0]'"},
      {R"({"model":"small","input":"a","encoding_format":"int8"})", "'encoding_format'"},
      {R"({"model":"small","input":"a","dimensions":0})", "'dimensions'"},
      {R"({"model":"small","input":"a","user":7})", "'user'"},
  };
  for (const auto& [body, named] : cases) {
    const Answer answer = post("/v1/embeddings", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr(named));
  }
  EXPECT_EQ(first_.seen_native, "");
}

TEST_F(OpenAiSurfacesTest, SaysThatNoRouteGivesEmbeddings) {
  const Answer answer = post("/v1/embeddings", R"({"model":"small","input":"a"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body,
              testing::AllOf(HasSubstr("unsupported_by_model"), HasSubstr("model `small` gives no embeddings")));
  EXPECT_EQ(records_.only().error_code, "unsupported_by_model");
}

TEST_F(OpenAiSurfacesTest, PassesModerationsOn) {
  first_.formats = {llm::Format::kModerations};
  first_.deltas = {R"({"id":"modr-1","results":[]})"};
  const std::string body =
      R"({"model":"small","input":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]})";
  EXPECT_EQ(post("/v1/moderations", body).body, first_.deltas[0]);
  EXPECT_EQ(first_.seen_native, body);
  EXPECT_EQ(records_.take().operation, "moderation");
  const Answer unnamed = post("/v1/moderations", R"({"input":"a"})");
  EXPECT_EQ(unnamed.status, 404);
  EXPECT_THAT(unnamed.body, HasSubstr("omni-moderation-latest"));
  for (const char* bad : {R"({"model":"small"})", R"({"model":"small","input":7})", R"({"model":"small","input":[7]})",
                          R"({"model":"small","input":[]})", R"({"model":"small","input":[{"type":"x"}]})"})
    EXPECT_EQ(post("/v1/moderations", bad).status, 400) << bad;
}

}  // namespace
}  // namespace fairlead::gateway

#include "providers/openai/dialect.h"

namespace fairlead::providers::openai {

std::span<const Dialect> dialects() {
  using enum llm::Format;
  static const std::vector<Dialect> kDialects = {
      {.type = "openai",
       .base_url = "https://api.openai.com/v1",
       .speaks = {kCompletions, kResponses, kEmbeddings, kModerations}},
      // https://learn.microsoft.com/azure/ai-foundry/openai/reference; the address is the customer's own.
      {.type = "azure", .base_url = "", .speaks = {kCompletions, kResponses, kEmbeddings}},
      // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
      {.type = "vllm",
       .base_url = "http://127.0.0.1:8000/v1",
       .developer_role = false,
       .says_reasoning = true,
       .speaks = {kCompletions, kResponses, kEmbeddings}},
      // https://github.com/ggml-org/llama.cpp/tree/master/tools/server
      {.type = "llama-server",
       .base_url = "http://127.0.0.1:8080/v1",
       .old_max_tokens = true,
       .developer_role = false,
       .speaks = {kCompletions, kEmbeddings}},
      // https://docs.ollama.com/api/openai-compatibility
      {.type = "ollama",
       .base_url = "http://127.0.0.1:11434/v1",
       .old_max_tokens = true,
       .developer_role = false,
       .says_reasoning = true,
       .ignores = {"n", "logit_bias", "tool_choice"},
       .speaks = {kCompletions, kEmbeddings}},
      // https://openrouter.ai/docs/api/reference/overview
      {.type = "openrouter",
       .base_url = "https://openrouter.ai/api/v1",
       .says_reasoning = true,
       .ignores = {"n"},
       .speaks = {kCompletions, kResponses, kEmbeddings}},
      // https://docs.mistral.ai/api
      {.type = "mistral",
       .base_url = "https://api.mistral.ai/v1",
       .old_max_tokens = true,
       .stream_options = false,
       .developer_role = false,
       .seed = "random_seed",
       .speaks = {kEmbeddings}},
      // https://api-docs.deepseek.com/api/create-chat-completion
      {.type = "deepseek",
       .base_url = "https://api.deepseek.com",
       .old_max_tokens = true,
       .developer_role = false,
       .ignores = {"n", "logit_bias"}},
      // https://console.groq.com/docs/openai
      {.type = "groq",
       .base_url = "https://api.groq.com/openai/v1",
       .developer_role = false,
       .says_reasoning = true,
       .speaks = {kResponses}},
      // https://huggingface.co/docs/text-generation-inference/messages_api
      {.type = "tgi",
       .base_url = "http://127.0.0.1:8080/v1",
       .old_max_tokens = true,
       .developer_role = false,
       .ignores = {"n", "logit_bias"},
       .speaks = {kCompletions}},
  };
  return kDialects;
}

}  // namespace fairlead::providers::openai

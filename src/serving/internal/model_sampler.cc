#include "serving/internal/model_sampler.h"

#include <llama.h>
#include <sampling.h>

#include <set>

namespace fairlead::serving {
namespace {

class ModelSampler final : public Sampler {
 public:
  ModelSampler(LoadedModel& model, common_sampler_ptr sampler, std::set<Token> preserved)
      : model_(model), sampler_(std::move(sampler)), preserved_(std::move(preserved)) {}

  Token sample(int item) override {
    const Token token = common_sampler_sample(sampler_.get(), model_.context(), item);
    common_sampler_accept(sampler_.get(), token, true);
    return token;
  }

  bool ends_answer(Token token) const override { return llama_vocab_is_eog(model_.vocab(), token); }

  void append_text(Token token, std::string& out) const override {
    char piece[256];
    const bool special = preserved_.contains(token);
    const int length = llama_token_to_piece(model_.vocab(), token, piece, sizeof piece, 0, special);
    if (length >= 0) {
      out.append(piece, static_cast<std::size_t>(length));
      return;
    }
    std::string longer(static_cast<std::size_t>(-length), '\0');
    llama_token_to_piece(model_.vocab(), token, longer.data(), -length, 0, special);
    out += longer;
  }

 private:
  LoadedModel& model_;
  common_sampler_ptr sampler_;
  std::set<Token> preserved_;
};

void set_numbers(common_params_sampling& out, const llm::ChatParameters& from, int context) {
  out.temp = static_cast<float>(from.temperature.value_or(1.0));
  out.top_p = static_cast<float>(from.top_p.value_or(1.0));
  out.min_p = static_cast<float>(from.min_p.value_or(0.05));
  out.top_k = static_cast<std::int32_t>(from.top_k.value_or(40));
  out.penalty_freq = static_cast<float>(from.frequency_penalty.value_or(0.0));
  out.penalty_present = static_cast<float>(from.presence_penalty.value_or(0.0));
  out.penalty_repeat = static_cast<float>(from.repeat_penalty.value_or(1.0));
  out.penalty_last_n = context;
  out.n_prev = 1;
  out.no_perf = true;
}

void set_grammar(common_params_sampling& out, const ChatPrompt& prompt, const LoadedModel& model) {
  for (const std::string& text : prompt.preserved) {
    const auto tokens = model.tokenise(text, false, true);
    if (tokens.size() == 1) out.preserved_tokens.insert(tokens.front());
  }
  if (prompt.grammar.empty()) return;
  const auto type = prompt.grammar_of_template ? COMMON_GRAMMAR_TYPE_TOOL_CALLS : COMMON_GRAMMAR_TYPE_USER;
  out.grammar = common_grammar(type, prompt.grammar);
  out.grammar_lazy = prompt.grammar_lazy;
  out.generation_prompt = prompt.generation_prompt;
  for (const GrammarTrigger& trigger : prompt.triggers) {
    common_grammar_trigger made{static_cast<common_grammar_trigger_type>(trigger.type), trigger.value, trigger.token};
    if (made.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
      const auto tokens = model.tokenise(trigger.value, false, true);
      if (tokens.size() == 1) {
        made.type = COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN;
        made.token = tokens.front();
        out.preserved_tokens.insert(tokens.front());
      }
    }
    out.grammar_triggers.push_back(std::move(made));
  }
}

}  // namespace

Result<std::unique_ptr<Sampler>> make_sampler(LoadedModel& model, const ChatPrompt& prompt,
                                              const llm::ChatParameters& parameters, std::uint32_t seed) {
  common_params_sampling sampling;
  set_numbers(sampling, parameters, model.limits().context);
  sampling.seed = seed == LLAMA_DEFAULT_SEED ? 0 : seed;  // llama.cpp takes that number for "any"
  const int vocabulary = llama_vocab_n_tokens(model.vocab());
  for (const auto& [token, bias] : parameters.logit_bias) {
    if (token < 0 || token >= vocabulary) {
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "Token " + std::to_string(token) + " is not in the model's vocabulary of " +
                      std::to_string(vocabulary) + " tokens.",
                  "logit_bias");
    }
    sampling.logit_bias.push_back({token, static_cast<float>(bias)});
  }
  try {
    set_grammar(sampling, prompt, model);
    common_sampler_ptr sampler(common_sampler_init(model.model(), sampling));
    if (!sampler) throw std::runtime_error("llama.cpp refuses the grammar that was made of it");
    return std::make_unique<ModelSampler>(model, std::move(sampler), std::move(sampling.preserved_tokens));
  } catch (const std::exception& error) {
    return fail(ErrorKind::kInvalid, "invalid_value", std::string("The schema cannot be held to: ") + error.what(),
                prompt.reader ? "tools" : "response_format");
  }
}

}  // namespace fairlead::serving

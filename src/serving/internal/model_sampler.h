// llama.cpp's samplers, set by a request.
#pragma once
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "llm/chat.h"
#include "serving/internal/chat_format.h"
#include "serving/internal/decoder.h"
#include "serving/internal/loaded_model.h"

namespace fairlead::serving {

// A sampler for one choice. Temperature and top_p are 1 if not given; top_k is 40 and min_p 0.05, which cut off what a
// model holds least likely. Penalties count the answer's own tokens. The model must outlive it. Thread-safe. Error:
// kInvalid with `param`, for a grammar that llama.cpp refuses or a bias for a token that there is not.
Result<std::unique_ptr<Sampler>> make_sampler(LoadedModel& model, const ChatPrompt& prompt,
                                              const llm::ChatParameters& parameters, std::uint32_t seed);

}  // namespace fairlead::serving

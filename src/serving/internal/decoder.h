// What the scheduler asks of a model: run tokens of several sequences at once, and choose the next token of each.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace fairlead::serving {

using Token = std::int32_t;

struct DecoderLimits {
  int sequences = 1;    // that may be in the cache at the same time, numbered from 0
  int context = 4096;   // tokens a sequence may have, prompt and answer
  int batch = 512;      // tokens in one decode()
  bool partial = true;  // a sequence may be cut back, and its beginning copied to another
};

// A model with its cache of keys and values. Used by one thread; the seam behind which tests put a model of their own.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual const DecoderLimits& limits() const = 0;

  struct Item {
    Token token;
    std::int32_t position;
    std::int32_t sequence;
    bool wants_logits;
  };
  // Appends the items to their sequences. Error: decode_failed; then the sequences named in `items` hold nothing.
  virtual Result<void> decode(std::span<const Item> items) = 0;
  // The model's raw scores for what follows the item (an index into the last decode()'s items), until the next
  // decode().
  virtual std::span<const float> logits(int item) = 0;

  // Cuts a sequence back to its first `length` tokens; false: that could not be done, and the sequence is empty now.
  virtual bool keep(int sequence, int length) = 0;
  // Makes `to`, which holds nothing, begin as `from` does. The keys and values are shared, not copied.
  virtual void share(int from, int to, int length) = 0;
};

// Chooses the tokens of one answer, and knows them by text. Used by one thread at a time.
class Sampler {
 public:
  virtual ~Sampler() = default;
  // The token that follows the item, by the request's parameters; it counts as taken.
  virtual Token sample(int item) = 0;
  virtual bool ends_answer(Token token) const = 0;
  // Appends the token's bytes as the client sees them: nothing for control tokens.
  virtual void append_text(Token token, std::string& out) const = 0;
};

}  // namespace fairlead::serving

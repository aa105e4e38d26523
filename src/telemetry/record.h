// The wide record of one call: everything that is known of it when it has ended (docs/reference/records.md).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "llm/chat.h"

namespace fairlead::telemetry {

// One try of one route.
struct Attempt {
  std::string provider;
  std::string upstream_model;
  std::int64_t duration_us = 0;
  std::string error_code;  // empty: it answered
  std::string error_message;
  std::string model;           // the model resource, if it is not the one that was called
  std::string reason;          // why there was this try: empty for the first; retry, fallback, hedge, continuation, …
  std::int64_t waited_us = 0;  // before it, since the try before it had ended
};

// A value that the gateway fills and hands over. Holds no prompt, no answer and no key, unless content recording is on.
struct CallRecord {
  std::string id;  // ULID
  std::string project;
  std::string key_id;
  std::int64_t started_at_us = 0;  // unix time
  std::int64_t duration_us = 0;
  std::int64_t first_token_us = -1;  // from the start to the first content that went out; -1: none did
  std::int64_t gateway_us = 0;  // of the duration, what was spent in Fairlead before the first upstream byte was sent
  std::string operation = "chat";  // gen_ai.operation.name
  std::string requested_model;     // as the client wrote it, cut at 256 bytes
  std::string target_kind, target_name, label, variant;
  std::string variant_error;          // of conditions of variants that could not be evaluated
  std::vector<std::string> includes;  // "house-style@5": what the prompt was made of beside itself
  int target_version = 0;
  std::string model;  // the model resource
  int model_version = 0;
  std::string provider, upstream_model, upstream_id;  // what answered
  std::vector<Attempt> attempts;
  bool stream = false;
  int status = 0;  // HTTP status that the client got; 499: it left first
  std::string error_code, error_message, finish_reason;
  llm::Usage usage;
  double cost_usd = 0;
  std::string session, user;
  std::vector<std::string> tags;
  std::vector<std::string> budgets;     // that the call fell under
  std::string shadow_of;                // of a shadow: id of the call that it was made for
  int schema_failures = 0;              // answers that did not fit the schema that was asked for
  std::int64_t trimmed_tokens = 0;      // left out to fit the window
  std::string trimmed_json;             // of which parts
  std::string privacy_json;             // what its policies did: classes and counts, no value
  std::string cache;                    // hit, semantic, shared or miss; empty: the cache was not asked
  std::string input_json, output_text;  // only with `telemetry.content: full`
};

}  // namespace fairlead::telemetry

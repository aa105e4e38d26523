// A call as it was made, from the run that answers it.
#pragma once
#include <memory>
#include <string>

#include "gateway/background.h"
#include "gateway/surfaces/responses_answer.h"

namespace fairlead::gateway {

struct Background::Rebuilt {
  std::string project, body, key_id, key_name;  // `body` with padding behind it
  std::string target;                           // "prompt:support-reply@7"
  std::string id;                               // of the response
  llm::Call call;
  SurfaceCall surface{call, {}, {}, 0};

  bool is_of_chain() const { return target.starts_with("chain:"); }
  // The response in its form, whole or as a stream.
  std::unique_ptr<ResponsesAnswer> form(ResponseStore& store, bool stream);
  // Takes what the run's step gave: {"model", "usage", "wire"}.
  Result<void> take(const std::string& made, ResponsesAnswer& form, std::string& out);
};

inline std::string response_id(const std::string& run) {
  return "resp_" + run;
}
inline std::string run_of_response(const std::string& id) {
  return id.substr(std::string_view("resp_").size());
}

}  // namespace fairlead::gateway

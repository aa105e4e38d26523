// A streamed answer as one object, and one object as a stream, in each of the formats.
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/provider.h"

namespace fairlead::gateway::cache {

// What the events say, in the form of an answer that was not streamed. `usage` stands in for what the events do not
// say. Error: upstream_invalid.
Result<boost::json::object> fold(llm::Format format, std::string_view events, const llm::Usage& usage);

// Events that say the same as `whole`, each of its texts in one piece; ready for the wire.
std::string unfold(llm::Format format, const boost::json::object& whole, bool include_usage);

// OpenAI's `usage` of a chat or a completion.
boost::json::object usage_json(const llm::Usage& usage);

}  // namespace fairlead::gateway::cache

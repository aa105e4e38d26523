#include "platform/journal/news.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace fairlead::journal {

std::string news_of(const Event& event) {
  switch (event.kind) {
    case EventKind::kIntent:
    case EventKind::kResult:
    case EventKind::kFailure:
    case EventKind::kReused:
    case EventKind::kWait:
      return boost::json::serialize(boost::json::object{
          {"run", event.run}, {"event", to_string(event.kind)}, {"step", event.step}, {"attempt", event.attempt}});
    default:
      return {};
  }
}

}  // namespace fairlead::journal

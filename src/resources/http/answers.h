// The service's answers as the control plane's JSON (docs/reference/api.md).
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

#include "resources/service.h"

namespace fairlead::resources {

using Labels = std::map<std::string, int, std::less<>>;

boost::json::array changes_json(const std::vector<Change>& changes);
boost::json::object changes_json(const ChangeSet& changes);
boost::json::object difference_json(const ResourceService::Difference& difference, bool with_rendered);
boost::json::object pulled_json(const PulledFiles& pulled);
boost::json::object faults_json(const std::vector<Fault>& faults);  // the error, with all of them
boost::json::object move_json(const LabelMove& move);
boost::json::object check_json(const Check& check);
boost::json::object approval_json(const Approval& approval);
boost::json::object page_json(const ResourceService::Page& page);
boost::json::object version_json(const Version& version, const Labels& labels);  // with its spec

}  // namespace fairlead::resources

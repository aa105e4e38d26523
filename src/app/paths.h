// Files and folders that the program reads at start.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/async/task.h"
#include "platform/http/server.h"
#include "resources/service.h"

namespace fairlead::app {

// Makes the folder, mode 0700, if it is not there. Error: data_folder.
Result<void> make_private_folder(const std::string& path);

// The text files below a project's folder (.yaml, .yml, .md, .txt, .j2, .json; hidden ones left out). Error:
// project_folder.
Result<resources::Files> read_project_folder(const std::string& folder);

// Where model files that came with the installation are: the cache that tools/deps fills, if it is there.
std::vector<std::string> bundled_model_folders();

// GET /healthz.
async::Task<void> answer_health(http::Exchange& exchange);

}  // namespace fairlead::app

#pragma once

#include <span>
#include <string>

namespace canopy::app {

/// `canopy dashboard [FOLDER] [--port 8080] [--host 127.0.0.1]`: serves the pages of `canopy
/// report` for the runs of a folder, those that go on included, until SIGINT or SIGTERM. Reads
/// only. Throws UserError when there is no such folder or the port is in use.
///
///   /                       list of runs
///   /run/NAME               page of FOLDER/NAME.h5, or of the run that writes NAME.journal
///   /compare?run=A&run=B    several on one page
///   /data?run=A..&seen=S    what such a page shows, as JSON; without `run` the list. 204 when
///                           nothing has changed since the stamp `seen`
int run_dashboard(std::span<std::string const> words);

}  // namespace canopy::app

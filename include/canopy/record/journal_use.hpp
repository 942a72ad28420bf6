#pragma once

#include <filesystem>

namespace canopy::record {

/// Whether a run is writing this journal. Asks who holds its lock and takes none, so that a run
/// which begins at this very moment does not fail for it. Sees runs on this machine, and on others
/// where the file system passes locks on (NFS). Where it has no locks at all, a journal that grew
/// within the last minute counts as in use. False when there is no such file.
bool is_in_use(std::filesystem::path const& journal);

}  // namespace canopy::record

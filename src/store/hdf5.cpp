#include "canopy/store/hdf5.hpp"

namespace canopy::store {
namespace {

herr_t append(unsigned, H5E_error2_t const* entry, void* text) {
  auto& words = *static_cast<std::string*>(text);
  if (entry->desc == nullptr || *entry->desc == '\0') return 0;
  words += (words.empty() ? "" : "; ") + std::string{entry->desc};
  return 0;
}

}  // namespace

void silence_hdf5() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void throw_hdf5_error(std::string const& action) {
  std::string why;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, append, &why);
  H5Eclear2(H5E_DEFAULT);
  throw Hdf5Error{"cannot " + action + " (HDF5: " + (why.empty() ? "no reason given" : why) + ")"};
}

}  // namespace canopy::store

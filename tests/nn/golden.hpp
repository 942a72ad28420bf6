#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace canopy::nn::test {

/// What make_golden.py wrote: numbers by name.
inline std::vector<double> const& golden(std::string const& name) {
  static auto const all = [] {
    std::map<std::string, std::vector<double>> table;
    std::ifstream file{std::string{CANOPY_SOURCE_DIR} + "/tests/nn/golden/torch.txt"};
    for (std::string line; std::getline(file, line);) {
      std::istringstream words{line};
      std::string key;
      words >> key;
      for (double number; words >> number;) table[key].push_back(number);
    }
    return table;
  }();
  auto const found = all.find(name);
  if (found == all.end()) throw std::logic_error{"no golden numbers '" + name + "'"};
  return found->second;
}

}  // namespace canopy::nn::test

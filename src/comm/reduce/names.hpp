#pragma once

#include <string_view>

#include "canopy/comm/reduce/reduction.hpp"

namespace canopy::comm {

constexpr std::string_view name_of(Collective collective) {
  switch (collective) {
    case Collective::all_reduce:
      return "all-reduce";
    case Collective::reduce_scatter:
      return "reduce-scatter";
    case Collective::all_gather:
      return "all-gather";
  }
  return "";
}

constexpr std::string_view name_of(Order order) {
  return order == Order::tree ? "tree" : "free";
}

constexpr std::string_view name_of(Wire wire) {
  return wire == Wire::fp16 ? "fp16" : "fp32";
}

}  // namespace canopy::comm

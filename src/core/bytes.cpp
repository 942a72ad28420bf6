#include "canopy/core/bytes.hpp"

namespace canopy {

void ByteWriter::write(NamedArrays const& named) {
  write(named.arrays().size());
  for (auto const& [name, array] : named.arrays()) (*this)(name, array.data, array.shape);
  write(named.attributes());
}

void ByteReader::read(NamedArrays& named) {
  for (auto left = count(1); left > 0; --left) {
    std::string name;
    Array array;
    (*this)(name, array.data, array.shape);
    named.put(name, std::move(array.data), std::move(array.shape));
  }
  std::vector<std::pair<std::string, NamedArrays::Attribute>> attributes;
  read(attributes);
  for (auto& [name, value] : attributes) named.set_attribute(name, std::move(value));
}

}  // namespace canopy

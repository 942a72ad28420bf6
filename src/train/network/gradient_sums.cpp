#include "canopy/train/network/gradient_sums.hpp"

namespace canopy::train {

GradientSums::GradientSums(comm::Order order, std::size_t length, comm::Leaves block)
    : block_{block} {
  if (order == comm::Order::free) {
    free_.resize(length);
    sums_ = {free_};
    return;
  }
  tree_.emplace(length, block.first, block.end);
  for (int leaf = block.first; leaf < block.end; ++leaf) {  // once through, to know the places
    tree_->place(leaf);
    tree_->push(leaf);
  }
  for (std::size_t node = 0; node < tree_->nodes().size(); ++node)
    sums_.push_back(tree_->node(node));
}

void GradientSums::begin() {
  if (tree_) tree_->begin();
}

nn::TreeSum::Place GradientSums::place(int leaf) {
  if (tree_) return tree_->place(leaf);
  return {free_, leaf == block_.first ? nn::Put::write : nn::Put::add};
}

void GradientSums::merge(int leaf, nn::Range range) {
  if (tree_) tree_->push_part(leaf, range);
}

void GradientSums::close(int leaf) {
  if (tree_) tree_->push(leaf);
}

}  // namespace canopy::train

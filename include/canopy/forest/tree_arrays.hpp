#pragma once

#include <string_view>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/forest/tree.hpp"

namespace canopy::forest {

/// The layout that follows, as the attribute `format` of a saved forest. It changes with the
/// layout.
inline constexpr std::string_view tree_format = "canopy-forest/2";

/// Trees as arrays, without loss: what files hold and what ranks send each other. A number that
/// follows from others is left out; the others have the narrowest type that holds all of them. So a
/// forest takes 13 bytes a node (100 trees on 464,809 rows: 8.9 million nodes), of 48 in memory.
///
/// Of N nodes in all trees S are split and L are leaves. Entries stand tree by tree, and within a
/// tree by node number (see Tree): the s-th entry of an [S] array belongs to the s-th node that is
/// split. Whole: u8, u16 or u32. Real: f32 or f64.
///
///   tree_offsets   [trees+1] i64  nodes of tree t are tree_offsets[t] .. tree_offsets[t+1]-1 of N
///   feature        [N] whole      0: a leaf; else 1 + number of the feature that splits the node
///   threshold      [S] real       rows with x[feature] <= threshold (float32 x, in f64) go left
///   code_threshold [S] whole      the same in codes, see Node
///   impurity       [S] f64        gini or entropy
///   right          [S] whole      right child, counted from the root of its tree, which is 0
///   left           [S] whole      left child; left out when it always is the next node: without
///                                 max_leaf_nodes
///   leaf_impurity  [L] f64        left out when it is 0 everywhere
///   samples        [L] whole      distinct in-bag rows; of a split: the sum of its children
///   present        [L] whole      how many classes have a count above 0
///   present_class  [V] whole      which ones, ascending, leaf after leaf; V: sum of `present`
///   present_count  [V] whole|real their weighted counts; of a split: the sum of its children
///   weight         [N] f64        left out when it is the sum of the counts, in order of classes
///
/// When a sum over children is not exact, which weights that are not whole bring about, `samples`
/// and the three `present` arrays have an entry for each of the N nodes instead of the L leaves.
///
/// The class shares of a leaf are its counts divided by its weight; a forest's are their mean over
/// trees, summed in tree order.
void put_trees(NamedArrays& arrays, std::vector<Tree> const& trees);

/// Bit for bit the trees that put_trees was given. DataError when arrays are missing, of the wrong
/// length, or do not describe trees over so many features and classes.
std::vector<Tree> get_trees(NamedArrays const& arrays, int features, int classes);

}  // namespace canopy::forest

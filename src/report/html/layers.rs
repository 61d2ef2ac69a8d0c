//! Where the nodes of a layered graph stand.
//!
//! Layer by layer from left to right, as the levels give them. An edge over several layers gets a
//! bend in each, so that it goes round the nodes between; within a layer the order is improved by
//! taking the mean place of the neighbours (barycentres), and heights are then the best ones, in the
//! sense of least squares, that keep this order and the distances.

/// A place in the drawing: a node, or the bend of a long edge.
#[derive(Clone, PartialEq, Debug)]
struct Spot {
    layer: usize,
    /// How high it is.
    height: f64,
    left: Vec<usize>,
    right: Vec<usize>,
    y: f64,
}

/// Where everything stands.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Layout {
    /// The middle of each node.
    pub nodes: Vec<f64>,
    /// For each edge the layers and heights of its bends.
    pub bends: Vec<Vec<(usize, f64)>>,
    /// The height of all.
    pub height: f64,
}

/// How often order and heights are improved.
const SWEEPS: usize = 8;
/// The distance between two nodes.
const GAP: f64 = 8.0;

/// The layout of a graph: the layer of each node, its edges (each to a higher layer), and the height
/// of a node and of a bend.
pub fn layout(layers: &[usize], edges: &[(usize, usize)], node: f64, bend: f64) -> Layout {
    let new = |layer, height| Spot { layer, height, left: Vec::new(), right: Vec::new(), y: 0.0 };
    let mut spots: Vec<Spot> = layers.iter().map(|layer| new(*layer, node)).collect();
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for &(from, to) in edges {
        let mut chain = Vec::new();
        let mut last = from;
        for layer in layers[from] + 1..=layers[to] {
            let next = if layer == layers[to] { to } else { spots.len() };
            if next == spots.len() {
                spots.push(new(layer, bend));
                chain.push(next);
            }
            spots[last].right.push(next);
            spots[next].left.push(last);
            last = next;
        }
        chains.push(chain);
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layers.iter().max().map_or(0, |most| most + 1)];
    spots.iter().enumerate().for_each(|(at, spot)| rows[spot.layer].push(at));
    for sweep in 0..SWEEPS {
        order(&mut spots, &mut rows, sweep % 2 == 0);
    }
    for sweep in 0..SWEEPS {
        settle(&mut spots, &rows, sweep % 2 == 0);
    }
    let top = spots.iter().map(|spot| spot.y - spot.height / 2.0).fold(f64::INFINITY, f64::min);
    let bottom = spots.iter().map(|spot| spot.y + spot.height / 2.0).fold(0.0, f64::max);
    let y = |at: usize| spots[at].y - top;
    Layout {
        nodes: (0..layers.len()).map(y).collect(),
        bends: chains.iter().map(|chain| chain.iter().map(|at| (spots[*at].layer, y(*at))).collect()).collect(),
        height: if spots.is_empty() { 0.0 } else { bottom - top },
    }
}

/// The rows from left to right, or back.
fn turned(rows: usize, forth: bool) -> Vec<usize> {
    if forth { (0..rows).collect() } else { (0..rows).rev().collect() }
}

/// The mean of the neighbours on one side; its own place if there is none.
fn mean(spots: &[Spot], at: usize, of_left: bool, place: impl Fn(usize) -> f64) -> f64 {
    let neighbours = if of_left { &spots[at].left } else { &spots[at].right };
    if neighbours.is_empty() { place(at) } else { neighbours.iter().map(|other| place(*other)).sum::<f64>() / neighbours.len() as f64 }
}

/// One sweep over the order within the rows.
fn order(spots: &mut [Spot], rows: &mut [Vec<usize>], forth: bool) {
    let mut places = vec![0.0; spots.len()];
    for row in turned(rows.len(), forth) {
        rows.iter().flat_map(|row| row.iter().enumerate()).for_each(|(place, at)| places[*at] = place as f64);
        let wanted: Vec<f64> = (0..spots.len()).map(|at| mean(spots, at, forth, |at| places[at])).collect();
        rows[row].sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    }
}

/// One sweep over the heights: each row as near to its neighbours as its order allows.
fn settle(spots: &mut [Spot], rows: &[Vec<usize>], forth: bool) {
    for row in turned(rows.len(), forth) {
        let row = &rows[row];
        let mut offset = 0.0;
        let mut offsets = Vec::with_capacity(row.len());
        for (at, spot) in row.iter().enumerate() {
            if at > 0 {
                offset += (spots[row[at - 1]].height + spots[*spot].height) / 2.0 + GAP;
            }
            offsets.push(offset);
        }
        let wanted: Vec<f64> = row.iter().zip(&offsets).map(|(at, offset)| mean(spots, *at, forth, |at| spots[at].y) - offset).collect();
        for ((at, offset), y) in row.iter().zip(&offsets).zip(rising(&wanted)) {
            spots[*at].y = y + offset;
        }
    }
}

/// The sequence that never falls and is nearest to the given one (pool adjacent violators).
fn rising(wanted: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in wanted {
        let mut pool = (*value, 1);
        while let Some((sum, count)) = pools.last().copied().filter(|(sum, count)| sum / *count as f64 > pool.0 / pool.1 as f64) {
            pools.pop();
            pool = (pool.0 + sum, pool.1 + count);
        }
        pools.push(pool);
    }
    pools.iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_never_fall_and_stay_near() {
        assert_eq!(rising(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(rising(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
    }

    #[test]
    fn a_diamond_is_drawn_as_one() {
        let layout = layout(&[0, 1, 1, 2], &[(0, 1), (0, 2), (1, 3), (2, 3)], 20.0, 6.0);
        assert_eq!(layout.nodes, [24.0, 10.0, 38.0, 24.0]);
        assert_eq!(layout.height, 48.0);
    }

    #[test]
    fn crossings_are_undone() {
        let layout = layout(&[0, 0, 1, 1], &[(0, 3), (1, 2)], 20.0, 6.0);
        assert!((layout.nodes[0] - layout.nodes[3]).abs() < 1e-9 && (layout.nodes[1] - layout.nodes[2]).abs() < 1e-9, "{layout:?}");
    }

    #[test]
    fn long_edges_go_round_nodes() {
        let layout = layout(&[0, 1, 2], &[(0, 1), (1, 2), (0, 2)], 20.0, 6.0);
        let [(1, bend)] = layout.bends[2][..] else { panic!("{layout:?}") };
        assert!((bend - layout.nodes[1]).abs() >= 13.0 + GAP - 1e-9, "{layout:?}");
    }

    #[test]
    fn nodes_of_random_graphs_never_touch() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..100 {
            let layers: Vec<usize> = (0..rng.usize(1..40)).map(|_| rng.usize(0..6)).collect();
            let pairs = (0..layers.len()).flat_map(|a| (0..layers.len()).map(move |b| (a, b)));
            let edges: Vec<_> = pairs.filter(|(a, b)| layers[*a] < layers[*b] && rng.u8(..8) == 0).collect();
            let layout = layout(&layers, &edges, 20.0, 6.0);
            for (a, y) in layout.nodes.iter().enumerate() {
                assert!(*y >= 10.0 - 1e-6 && *y <= layout.height - 10.0 + 1e-6);
                for b in 0..a {
                    assert!(layers[a] != layers[b] || (y - layout.nodes[b]).abs() >= 20.0 + GAP - 1e-6);
                }
            }
        }
    }
}

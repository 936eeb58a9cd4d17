//! How far it is from each cell of a grid to the nearest one of some: exact, in one pass over columns and one over rows, as of
//! Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions (2012).

/// The distance in cells from each cell to the nearest that `is_there`, from centre to centre; infinite where there is none.
pub(super) fn distances(is_there: &[bool], width: usize) -> Vec<f32> {
    let width = width.max(1);
    // Along columns first: the nearest one below, then the nearest one above.
    let mut squares: Vec<f32> = is_there.iter().map(|is_there| if *is_there { 0.0 } else { f32::INFINITY }).collect();
    let nearer = |squares: &mut [f32], beside: &[f32]| {
        for (square, beside) in squares.iter_mut().zip(beside) {
            *square = square.min(beside + 1.0);
        }
    };
    let rows = squares.len() / width;
    for row in 1..rows {
        let (below, from) = squares.split_at_mut(row * width);
        nearer(from, &below[(row - 1) * width..]);
    }
    for row in (1..rows).rev() {
        let (below, from) = squares.split_at_mut(row * width);
        nearer(&mut below[(row - 1) * width..], from);
    }
    for square in &mut squares {
        *square *= *square;
    }
    let mut parabolas = Vec::with_capacity(width);
    for row in squares.chunks_mut(width) {
        along(row, &mut parabolas);
    }
    for square in &mut squares {
        *square = square.sqrt();
    }
    squares
}

/// For each place of a row the least of all places' values plus the square of how far they are.
fn along(row: &mut [f32], parabolas: &mut Vec<Parabola>) {
    parabolas.clear();
    for (place, &height) in row.iter().enumerate() {
        if height.is_infinite() {
            continue;
        }
        let (at, height) = (place as f64, f64::from(height));
        let mut from = f64::NEG_INFINITY;
        while let Some(last) = parabolas.last() {
            // From here on the new one is lower.
            from = (height + at * at - last.height - last.at * last.at) / (2.0 * (at - last.at));
            if from > last.from {
                break;
            }
            parabolas.pop();
            from = f64::NEG_INFINITY;
        }
        parabolas.push(Parabola { at, height, from });
    }
    let mut lowest = parabolas.iter().peekable();
    let Some(mut parabola) = lowest.next() else { return };
    for (place, value) in row.iter_mut().enumerate() {
        let place = place as f64;
        while let Some(next) = lowest.next_if(|next| next.from <= place) {
            parabola = next;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "squares of whole numbers of cells, which f32 holds nearly"
        )]
        let least = (parabola.height + (place - parabola.at).powi(2)) as f32;
        *value = least;
    }
}

/// What one place adds to a row, and from where on it is the lowest.
#[derive(Debug)]
struct Parabola {
    at: f64,
    height: f64,
    from: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_are_what_brute_force_says(
            (width, is_there) in (1_usize..14, 1_usize..14).prop_flat_map(|(width, height)| {
                (Just(width), proptest::collection::vec(proptest::bool::weighted(0.1), width * height))
            }),
        ) {
            let place = |index: usize| ((index % width) as f32, (index / width) as f32);
            for (index, found) in distances(&is_there, width).into_iter().enumerate() {
                let (x, y) = place(index);
                let there = (0..is_there.len()).filter(|other| is_there[*other]).map(place);
                let expected = there.map(|(a, b)| (a - x).hypot(b - y)).fold(f32::INFINITY, f32::min);
                prop_assert!(found == expected || (found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        assert!(distances(&[], 0).is_empty());
    }
}

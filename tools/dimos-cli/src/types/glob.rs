//! Which names of types a word on the command line means: `*` stands for any characters, `?` for one.

/// Whether it takes this name. Goes back to the last `*` only, which is enough, and takes at most `glob * name` steps.
pub(super) fn takes(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.as_bytes(), name.as_bytes());
    let (mut at_glob, mut at_name) = (0, 0);
    let mut star = None;
    while at_name < name.len() {
        match (glob.get(at_glob), star) {
            (Some(b'*'), _) => {
                star = Some((at_glob, at_name));
                at_glob += 1;
            }
            (Some(&byte), _) if byte == b'?' || byte == name[at_name] => {
                at_glob += 1;
                at_name += 1;
            }
            (_, Some((star_glob, star_name))) => {
                star = Some((star_glob, star_name + 1));
                (at_glob, at_name) = (star_glob + 1, star_name + 1);
            }
            (_, None) => return false,
        }
    }
    glob[at_glob..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_characters_and_all_else_for_itself() {
        let name = "sensor_msgs.PointCloud2";
        for glob in ["*", "sensor_msgs.*", "*Cloud?", "*s.P*t*2*", name] {
            assert!(takes(glob, name), "{glob}");
        }
        for glob in ["", "sensor_msgs", "*Cloud", "sensor_msgs?", "*x*", "?"] {
            assert!(!takes(glob, name), "{glob}");
        }
        assert!(takes("", "") && takes("**", "") && !takes("?", ""));
        let many = "*a".repeat(5000);
        assert!(!takes(&many, &"a".repeat(4000)));
    }
}

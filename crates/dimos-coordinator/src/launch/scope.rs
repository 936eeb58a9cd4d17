//! Namespaces: which full names and topics the words of a file stand for.

use std::collections::BTreeMap;

use dimos::{Name, NameError};

/// Where a file stands: the namespaces around it, and which topics keep out of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// From the outermost to the innermost.
    levels: Vec<Level>,
}

#[derive(Debug, Clone)]
struct Level {
    namespace: Name,
    /// Topics, as they are called within, that keep their names.
    exposed: Vec<String>,
}

impl Scope {
    /// A namespace within this one.
    pub(super) fn within(&self, namespace: Option<Name>, exposed: &[String]) -> Self {
        let level = namespace.map(|namespace| Level { namespace, exposed: exposed.to_vec() });
        Self { levels: self.levels.iter().cloned().chain(level).collect() }
    }

    /// The full name of a module.
    pub(super) fn name(&self, name: &str) -> Result<Name, NameError> {
        // What is wrong with a name is told of what was written.
        let own: Name = name.parse()?;
        let namespaces = self.levels.iter().map(|level| level.namespace.as_str());
        namespaces.chain([own.as_str()]).collect::<Vec<_>>().join("/").parse()
    }

    /// The full name of a topic.
    pub(super) fn topic(&self, topic: &str) -> String {
        let mut topic = topic.to_owned();
        // What begins otherwise is a channel of somebody else, whom namespaces mean nothing.
        if !topic.starts_with('/') {
            return topic;
        }
        for level in self.levels.iter().rev() {
            if !level.exposed.contains(&topic) {
                topic = format!("/{}{topic}", level.namespace);
            }
        }
        topic
    }

    /// The full names of topics that do not get all namespaces. `own` are those that keep out of the innermost one.
    pub(super) fn exposed(&self, own: &[String]) -> BTreeMap<String, String> {
        let mut scope = self.clone();
        if let Some(innermost) = scope.levels.last_mut() {
            innermost.exposed.extend_from_slice(own);
        }
        let mut exposed = BTreeMap::new();
        let plain: String = scope.levels.iter().map(|level| format!("/{}", level.namespace)).collect();
        for topic in scope.levels.iter().flat_map(|level| &level.exposed) {
            // It is called so at its own level; further in, its namespaces have not gone before it yet.
            for (at, _) in topic.match_indices('/') {
                let Some(within) = topic.get(at..) else { continue };
                let full = scope.topic(within);
                if full != format!("{plain}{within}") {
                    exposed.insert(within.to_owned(), full);
                }
            }
        }
        exposed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(levels: &[(&str, &[&str])]) -> Scope {
        levels.iter().fold(Scope::default(), |scope, (namespace, exposed)| {
            let exposed: Vec<_> = exposed.iter().map(|&topic| topic.to_owned()).collect();
            scope.within(Some(namespace.parse().unwrap()), &exposed)
        })
    }

    #[test]
    fn namespaces_nest() {
        let scope = scope(&[("site", &[]), ("robot0", &[])]);
        assert_eq!(scope.name("mapper").unwrap().as_str(), "site/robot0/mapper");
        assert_eq!(scope.topic("/map"), "/site/robot0/map");
        assert!(scope.exposed(&[]).is_empty());
    }

    #[test]
    fn what_is_exposed_keeps_out_of_one_namespace() {
        let inner = scope(&[("site", &[]), ("robot0", &["/map"])]);
        assert_eq!(inner.topic("/map"), "/site/map");
        assert_eq!(inner.topic("/scan"), "/site/robot0/scan");
        assert_eq!(inner.exposed(&[]), [("/map".to_owned(), "/site/map".to_owned())].into());
        let outer = scope(&[("site", &["/robot0/map"]), ("robot0", &[])]);
        assert_eq!(outer.topic("/map"), "/robot0/map");
        assert_eq!(outer.exposed(&[]), [("/map".to_owned(), "/robot0/map".to_owned())].into());
        assert_eq!(outer.exposed(&["/odom".to_owned()])["/odom"], "/site/odom");
    }
}

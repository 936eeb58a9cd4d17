//! Generated files in a directory: written where they changed, or compared with what is there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::generate::{GeneratedFile, MARK};

/// What a directory of generated files differs in from what would be generated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// A file is not there.
    #[error("{}: missing", .0.display())]
    Missing(PathBuf),
    /// A file has another content.
    #[error("{}: not what the .lcm files say now", .0.display())]
    Changed(PathBuf),
    /// A generated file that no type needs any more.
    #[error("{}: left over", .0.display())]
    LeftOver(PathBuf),
}

/// Writes the files that changed, and removes generated files that are left over. Files that were not generated are left
/// alone.
///
/// # Errors
/// What the system says, with the path.
pub fn write(directory: &Path, files: &[GeneratedFile]) -> io::Result<()> {
    for difference in compare(directory, files)? {
        if let Difference::LeftOver(path) = difference {
            fs::remove_file(&path).map_err(|error| at(&path, &error))?;
        }
    }
    for file in files {
        let path = directory.join(&file.path);
        if read(&path)?.as_deref() == Some(&file.text) {
            continue;
        }
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent).map_err(|error| at(parent, &error))?;
        fs::write(&path, &file.text).map_err(|error| at(&path, &error))?;
    }
    Ok(())
}

/// How what is there differs from what would be generated.
///
/// # Errors
/// What the system says, with the path.
pub fn compare(directory: &Path, files: &[GeneratedFile]) -> io::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for file in files {
        let path = directory.join(&file.path);
        match read(&path)? {
            None => differences.push(Difference::Missing(path)),
            Some(text) if text != file.text => differences.push(Difference::Changed(path)),
            Some(_) => {}
        }
    }
    let wanted: Vec<PathBuf> = files.iter().map(|file| directory.join(&file.path)).collect();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| at(&directory, &error))?,
        };
        for entry in entries {
            let path = entry.map_err(|error| at(&directory, &error))?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !wanted.contains(&path)
                && read(&path)?.is_some_and(|text| text.starts_with(MARK))
            {
                differences.push(Difference::LeftOver(path));
            }
        }
    }
    Ok(differences)
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // What is not text was not generated, and so differs.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(error) => Err(at(path, &error)),
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

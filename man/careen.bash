# Completion of careen for bash.
_careen() {
  local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]:-} words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words="scan packages files index hunt exposure lineage diff store db worker status explain threat cache --version --help"
  elif [[ $command == threat && COMP_CWORD -eq 2 ]]; then
    words="new check add remove list show"
  elif [[ $command == cache && COMP_CWORD -eq 2 ]]; then
    words="status prune"
  elif [[ $command == db && COMP_CWORD -eq 2 ]]; then
    words="update status import export verify search news"
  elif [[ $cur == -* ]]; then
    words=$(careen "$command" --help 2>/dev/null | grep -oE -- '--[a-z-]+' | sort -u)
  elif [[ $command == hunt ]]; then
    words="package: pkg: sha256: path: soname: needed: symbol: build-id: structure: env: label: entrypoint: layer: manifest: threat: pattern: md5: sha1:"
    compopt -o nospace
  elif [[ $command == scan || $command == packages || $command == files ]]; then
    words="docker: podman: registry: docker-archive: oci-archive: oci-dir: dir: file: sbom:"
    compopt -o default -o nospace
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _careen careen

# Prints the newest Python of this machine that the project is known to work with: 3.11 to 3.13, on
# the PATH or in pyenv's directory; python3 where there is none.
for minor in 13 12 11; do
    for python in "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python; do
        if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
            echo "$python"
            exit
        fi
    done
done
echo python3

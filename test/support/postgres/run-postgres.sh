# Runs a server of folder $1 with the arguments that follow, until its standard input ends: also when the test that
# started it is killed. "kill" stops it as a crash would, "start" starts it again.
folder=$1
shift
start() {
  "$@" >>"$folder/log" 2>&1 </dev/null &
  server=$!
}
start "$@"
while read -r command; do
  case $command in
    kill)
      kill -QUIT "$server"
      wait "$server"
      echo killed
      ;;
    start)
      start "$@"
      ;;
  esac
done
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"

package streamlab.hadoop;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FsServerDefaults;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.local.LocalConfigKeys;

/**
 * For {@code fs.AbstractFileSystem.file.impl}: what Hadoop's own RawLocalFs is, over {@link NioRawLocalFileSystem}.
 *
 * <p>Without checksums: a container's scripts and tokens are read once, a moment after they were written, and each would
 * have a second file beside it.
 */
public class NioRawLocalFs extends DelegateToFileSystem {
  public NioRawLocalFs(URI uri, Configuration configuration) throws IOException, URISyntaxException {
    super(uri, new NioRawLocalFileSystem(), configuration, "file", false);
  }

  /** No port belongs to a local file system. */
  @Override
  public int getUriDefaultPort() {
    return -1;
  }

  @Override
  public FsServerDefaults getServerDefaults(Path path) throws IOException {
    return LocalConfigKeys.getServerDefaults();
  }

  @Deprecated
  @Override
  public FsServerDefaults getServerDefaults() throws IOException {
    return LocalConfigKeys.getServerDefaults();
  }

  /** Every name that the operating system takes is valid: it may hold a colon, which a name on HDFS may not. */
  @Override
  public boolean isValidName(String name) {
    return true;
  }
}
